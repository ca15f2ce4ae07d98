// Limits in a body, at a place that the plugin knows.

package limits

import (
	"bytes"
	"encoding/json"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// InBody is [InBodyAt] with this machine's clock.
func InBody(body []byte, path string) (wait time.Duration, l Limit, ok bool) {
	return InBodyAt(body, path, time.Now())
}

// InBodyAt reads a value of a JSON body by its path, such as
// "errors.0.extensions.retry_in_seconds": a number of seconds (or of milliseconds, if its name says
// so), a moment, a text with one of these, or an object that describes a bucket, as Shopify's
// throttleStatus does. The latter gives a limit, and wait is the time until the bucket has the cost
// of the query. date is the time of the host's clock.
func InBodyAt(body []byte, path string, date time.Time) (wait time.Duration, l Limit, ok bool) {
	steps := strings.FieldsFunc(path, func(c rune) bool { return c == '.' || c == '[' || c == ']' || c == '/' })
	if len(steps) == 0 || !bytes.Contains(body, []byte(`"`+steps[len(steps)-1]+`"`)) && !isIndex(steps[len(steps)-1]) {
		return 0, l, false // in most bodies, so the rest is not parsed
	}
	var at, above any
	if json.Unmarshal(body, &at) != nil {
		return 0, l, false
	}
	for _, step := range steps {
		above = at
		if at, ok = child(at, step); !ok {
			return 0, l, false
		}
	}
	unit := time.Second
	if inMillis.MatchString(steps[len(steps)-1]) {
		unit = time.Millisecond
	}
	switch v := at.(type) {
	case float64:
		if t, isMoment := moment(strconv.FormatFloat(v, 'f', -1, 64)); isMoment {
			return bounded(t.Sub(date).Seconds())
		}
		return bounded(v * unit.Seconds())
	case string:
		if t, isMoment := moment(v); isMoment {
			return bounded(t.Sub(date).Seconds())
		}
		if d, _, ok := duration(v, unit); ok {
			return d, l, d > 0 && d < longest
		}
		wait, ok = inSentence(v, date)
		return wait, l, ok
	case map[string]any:
		return bucket(path, v, above)
	}
	return 0, l, false
}

// inMillis matches names of numbers in milliseconds: retry_after_ms, retryAfterMs.
var inMillis = regexp.MustCompile(`(?:^|[-_])(?i:ms|msecs?|millis|milliseconds)$|[a-z](?:Ms|MS|Msecs?|Millis|Milliseconds)$`)

func bounded(n float64) (time.Duration, Limit, bool) {
	if !(n > 0) || n >= longest.Seconds() {
		return 0, Limit{}, false
	}
	return seconds(n), Limit{}, true
}

func isIndex(step string) bool {
	_, err := strconv.Atoi(step)
	return err == nil
}

func child(v any, step string) (any, bool) {
	switch v := v.(type) {
	case map[string]any:
		next, ok := v[step]
		return next, ok
	case []any:
		i, err := strconv.Atoi(step)
		if err != nil || i < 0 || i >= len(v) {
			return nil, false
		}
		return v[i], true
	}
	return nil, false
}

// bucket reads {"maximumAvailable": 1000, "currentlyAvailable": 44, "restoreRate": 50}, with the
// query's cost beside it.
func bucket(name string, v map[string]any, above any) (wait time.Duration, l Limit, ok bool) {
	if inner, isInside := v["throttleStatus"].(map[string]any); isInside {
		v, above = inner, v
	}
	left, ok1 := v["currentlyAvailable"].(float64)
	fill, ok2 := v["restoreRate"].(float64)
	if !ok1 || !ok2 || left < 0 || fill <= 0 {
		return 0, l, false
	}
	l = Limit{Name: name, Left: left, Fill: fill}
	l.Max, _ = v["maximumAvailable"].(float64)
	if beside, isObject := above.(map[string]any); isObject {
		l.Cost, _ = beside["requestedQueryCost"].(float64)
	}
	if l.Cost > left {
		wait = min(seconds((l.Cost-left)/fill), longest)
	}
	return wait, l, true
}
