// directives are the content of a Cache-Control header.

package cache

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

type directives map[string]string

// directivesOf parses Cache-Control. The first of duplicate directives counts.
func directivesOf(h http.Header) directives {
	d := directives{}
	for _, part := range list(h, "Cache-Control") {
		name, value, _ := strings.Cut(part, "=")
		name = strings.ToLower(strings.TrimSpace(name))
		if _, twice := d[name]; name == "" || twice {
			continue
		}
		d[name] = strings.Trim(strings.TrimSpace(value), `"`)
	}
	if len(d) == 0 && strings.EqualFold(strings.TrimSpace(h.Get("Pragma")), "no-cache") {
		d["no-cache"] = ""
	}
	return d
}

func (d directives) has(name string) bool {
	_, ok := d[name]
	return ok
}

// longest is treated as for ever.
const longest = 100 * 365 * 24 * time.Hour

// seconds returns the time in a directive. An invalid time counts as 0.
func (d directives) seconds(name string) (time.Duration, bool) {
	text, ok := d[name]
	if !ok {
		return 0, false
	}
	return deltaSeconds(text), true
}

func deltaSeconds(text string) time.Duration {
	n, err := strconv.ParseUint(text, 10, 64)
	switch {
	case err != nil && len(text) > 19 && strings.Trim(text, "0123456789") == "":
		return longest
	case err != nil:
		return 0
	case n > uint64(longest/time.Second):
		return longest
	}
	return time.Duration(n) * time.Second
}

// list splits a header that is a list, except inside quotes.
func list(h http.Header, name string) []string {
	var out []string
	for _, line := range h.Values(name) {
		start, quoted := 0, false
		for i := 0; i <= len(line); i++ {
			switch {
			case i < len(line) && line[i] == '"':
				quoted = !quoted
			case i == len(line) || line[i] == ',' && !quoted:
				if one := strings.TrimSpace(line[start:i]); one != "" {
					out = append(out, one)
				}
				start = i + 1
			}
		}
	}
	return out
}
