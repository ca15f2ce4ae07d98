// The error of a request that is not in a recording.

package recording

import (
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
)

// miss says that r is not recorded, and names the most similar request.
func (p *Player) miss(r Request) error {
	var text strings.Builder
	fmt.Fprintf(&text, "not in the recording %s", p.rec.Path)
	least, nearest := 1<<30, -1
	for i, e := range p.rec.Exchanges {
		if d := distance(e.Request, r); d < least {
			least, nearest = d, i
		}
	}
	if nearest >= 0 {
		fmt.Fprintf(&text, "; the nearest of its %d exchanges is number %d, which differs in %s",
			len(p.rec.Exchanges), nearest+1, strings.Join(differences(p.rec.Exchanges[nearest].Request, r), ", "))
	} else {
		text.WriteString(", which holds no exchange")
	}
	if !p.rec.Complete {
		text.WriteString("; the recording was cut short, perhaps by a kill")
	}
	if p.rec.Resumed {
		text.WriteString("; it is of a run that went on from earlier ones, and a replay starts from nothing: record " +
			"with --full")
	}
	return errors.New(text.String())
}

// distance is small for similar requests.
func distance(a, b Request) int {
	d := 0
	u, v := parsed(a.URL), parsed(b.URL)
	if u.Host != v.Host {
		d += 2000
	}
	if u.Path != v.Path {
		d += 1000 - min(900, 10*common(u.Path, v.Path))
	}
	if a.Method != b.Method {
		d += 500
	}
	d += 10 * len(unequal(u.Query(), v.Query()))
	if a.Body != b.Body {
		d += 5
	}
	return d + len(unequal(a.Header, b.Header))
}

// common returns the length of the common prefix.
func common(a, b string) int {
	n := 0
	for n < min(len(a), len(b)) && a[n] == b[n] {
		n++
	}
	return n
}

// differences describes how r differs from a recorded request.
func differences(recorded, r Request) []string {
	var out []string
	u, v := parsed(recorded.URL), parsed(r.URL)
	if recorded.Method != r.Method {
		out = append(out, fmt.Sprintf("the method (%s there)", recorded.Method))
	}
	if u.Scheme != v.Scheme || u.Host != v.Host {
		out = append(out, fmt.Sprintf("the host (%s://%s there)", u.Scheme, u.Host))
	}
	if u.Path != v.Path {
		out = append(out, fmt.Sprintf("the path (%s there)", u.Path))
	}
	for _, name := range unequal(u.Query(), v.Query()) {
		out = append(out, "query "+name+there(u.Query()[name]))
	}
	if recorded.Body != r.Body {
		out = append(out, "the body")
	}
	for _, name := range unequal(recorded.Header, r.Header) {
		var values []string
		if v, ok := recorded.Header[name]; ok {
			values = []string{v}
		}
		out = append(out, "header "+name+there(values))
	}
	return out
}

// there describes a value in the recording.
func there(values []string) string {
	const most = 120
	if values == nil {
		return " (not there)"
	}
	text := strings.Join(values, ", ")
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "") + "…"
	}
	return fmt.Sprintf(" (%q there)", text)
}

// unequal returns the names whose values differ.
func unequal[V any](a, b map[string]V) []string {
	names := map[string]bool{}
	for name := range a {
		names[name] = true
	}
	for name := range b {
		names[name] = true
	}
	maps.DeleteFunc(names, func(name string, _ bool) bool {
		v, inA := a[name]
		w, inB := b[name]
		return inA == inB && fmt.Sprint(v) == fmt.Sprint(w)
	})
	return slices.Sorted(maps.Keys(names))
}

// parsed parses a recorded URL. An invalid one has no parts.
func parsed(text string) *url.URL {
	u, err := url.Parse(text)
	if err != nil {
		return &url.URL{}
	}
	return u
}
