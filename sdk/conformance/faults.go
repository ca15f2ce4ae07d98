// Faults: a source that is killed, and a remote system that answers badly.

package conformance

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/scrapekit/scrapekit/sdk"
	"github.com/scrapekit/scrapekit/sdk/host/hint"
)

// maxFaults is how many requests of a source get bad replies, spread evenly. Each costs one Read
// for every kind of bad reply.
const maxFaults = 4

// needsRequests skips a check of a source that makes no requests.
func (s *sourceTest) needsRequests(t T) {
	t.Helper()
	if s.remote == nil || s.asking.ID == "" {
		t.Skipf("the source makes no requests")
	}
}

// killed kills the process in the middle of a Read. Another process continues from the last cursor.
func (s *sourceTest) killed(t T) {
	if !s.subject.Process {
		t.Skipf("there is no process to kill")
	}
	p, events := s.longest()
	for _, at := range slices.Compact([]int{1, (events + 1) / 2, events}) {
		if at < 1 {
			continue
		}
		l := s.start(t)
		r, err := s.toEnd(l.ctx, l, p, func(n int) error {
			if n == at {
				l.kill()
			}
			return nil
		})
		kept, from := upToCursor(r.items, err == nil)
		rest := p
		rest.Cursor = from
		again := s.start(t)
		if err != nil {
			r, err = s.toEnd(again.ctx, again, rest, nil)
			kept = append(kept, r.items...)
		}
		if err == nil {
			err = flowOf(s.whole[p.ID].items).differs(flowOf(kept))
		}
		if err != nil {
			t.Errorf("split %s, killed at event %d of %d and gone on from cursor %s: %v", p.ID, at, events, from, err)
		}
		again.stop()
	}
}

// longest returns the split with the most events.
func (s *sourceTest) longest() (sdk.Split, int) {
	best := slices.MaxFunc(s.splits, func(a, b sdk.Split) int { return s.whole[a.ID].events - s.whole[b.ID].events })
	return best, s.whole[best.ID].events
}

// faulty is one instance that meets many faults: the remote system behind it answers as instructed.
type faulty struct {
	*sourceTest
	system swapped
	live   *live
}

func (s *sourceTest) faulty() *faulty { return &faulty{sourceTest: s} }

// restart starts a new instance for a plugin that crashed or that caches replies.
func (f *faulty) restart(t T) {
	t.Helper()
	if f.live != nil {
		f.live.kill()
	}
	b := *f.bench
	b.host.Transport = &f.system
	f.live = b.start(t)
}

// under reads a split while the remote system answers as o says. It fails the check if the plugin
// crashes. If the plugin makes no request, because it knows the answer, a new instance is used.
func (f *faulty) under(t T, p sdk.Split, what string, o otherwise) (*recording, error) {
	t.Helper()
	o.next = f.remote
	f.system.put(&o)
	fresh := f.live == nil
	if fresh {
		f.restart(t)
	}
	r, err := f.read(t, p, what)
	if !fresh && !o.asked.Load() {
		f.restart(t)
		r, err = f.read(t, p, what)
	}
	return r, err
}

func (f *faulty) read(t T, p sdk.Split, what string) (*recording, error) {
	t.Helper()
	r, err := f.toEnd(f.live.ctx, f.live, p, nil)
	switch {
	case errors.Is(err, errHung):
		t.Fatalf("%s: %v", what, err)
	case crashed(err):
		t.Errorf("%s: %v; return an error instead", what, err)
		f.restart(t)
	case r.problem != nil:
		t.Errorf("%s: %v", what, r.problem)
	}
	return r, err
}

// crashed reports whether err says that a process ended, as the host reports it.
func crashed(err error) bool {
	var c interface{ Crashed() bool }
	return errors.As(err, &c) && c.Crashed()
}

// rateLimit: after its retries the host passes the 429 on.
func (s *sourceTest) rateLimit(t T) {
	s.needsRequests(t)
	o := otherwise{to: anyRequest, status: http.StatusTooManyRequests, body: []byte(`{"error":"slow down"}`),
		header: http.Header{
			"Retry-After": {"7"}, "Content-Type": {"application/json"},
			hint.GaveUp: {"gave up after 6 attempts in 14 s: 429 Too Many Requests (6×)"},
		}}
	switch _, err := s.faulty().under(t, s.asking, "429 to every request", o); {
	case err == nil:
		t.Errorf("429 to every request: Read returned nil, or skipped the rest, as if it were at its end")
	case sdk.IsPermanent(err):
		t.Errorf("429 to every request: Read returned a permanent error, and a rate limit passes: %v", err)
	}
}

// badReplies: an unusable reply is an error, a reject, or reported as missing, or makes no
// difference. It is never taken for the end of the data. Only the source knows what 403 and 404
// mean: "not for you" may well be no record.
func (s *sourceTest) badReplies(t T) {
	s.needsRequests(t)
	f := s.faulty()
	for _, e := range s.targets() {
		ways := map[string]otherwise{
			"500": {status: http.StatusInternalServerError, body: []byte("oops")},
			"503": {status: http.StatusServiceUnavailable, header: http.Header{"Retry-After": {"7"}}},
		}
		if e.isJSON() {
			ways["200 and half of the body"] = otherwise{status: http.StatusOK, body: e.body[:len(e.body)/2]}
			ways["200 and no body"] = otherwise{status: http.StatusOK}
			ways["200 and a page for people"] = otherwise{status: http.StatusOK,
				header: http.Header{"Content-Type": {"text/html"}},
				body:   []byte("<!DOCTYPE html><html><body>Please log in</body></html>")}
		}
		for name, o := range ways {
			o.to = e.is
			what := fmt.Sprintf("%s to %s %s", name, e.method, e.url)
			r, err := f.under(t, s.asking, what, o)
			if err != nil || r.missing.Load() ||
				slices.ContainsFunc(r.items, func(i item) bool { return i.kind == "reject" }) {
				continue
			}
			if err := flowOf(s.whole[s.asking.ID].items).differs(flowOf(r.items)); err != nil {
				t.Errorf("%s: Read returned nil, or skipped the rest, and records are missing: %v", what, err)
			}
		}
	}
}

// strangeReplies: whatever the reply is, the process survives and answers, possibly with an error.
func (s *sourceTest) strangeReplies(t T) {
	s.needsRequests(t)
	f := s.faulty()
	for _, e := range s.targets() {
		for _, body := range []string{
			`null`, `[]`, `{}`, `"text"`, `[null]`, `[[]]`, `{"a":1e999}`, "\xff\xfe", "\ufeff{}",
			strings.Repeat("[", 100_000),
		} {
			_, _ = f.under(t, s.asking, fmt.Sprintf("200 and %.20q to %s %s", body, e.method, e.url),
				otherwise{to: e.is, status: http.StatusOK, body: []byte(body)})
		}
	}
}

// targets picks the requests that get bad replies.
func (s *sourceTest) targets() []exchange {
	var places []int
	var all []exchange
	for i, e := range s.asked {
		if !slices.ContainsFunc(all, func(o exchange) bool { return o.method == e.method && o.url == e.url }) {
			all, places = append(all, e), append(places, i)
		}
	}
	var out []exchange
	for _, i := range spread(places, maxFaults) {
		out = append(out, s.asked[i])
	}
	return out
}

// oddTexts puts odd texts in place of a text that a record has taken from a reply.
func (s *sourceTest) oddTexts(t T) {
	s.needsRequests(t)
	e, text, ok := s.carried()
	if !ok {
		t.Skipf("no record carries a text with a space in it from a reply as it is")
	}
	f := s.faulty()
	old, _ := json.Marshal(text) //nolint:errchkjson // texts always marshal
	for name, odd := range map[string]string{
		"5 MiB":            strings.Repeat("long ", hugeRecord/5),
		"controls":         "nul \x00, escape \x1b[31m, return \r\n, tab \t",
		"separators":       "line \u2028 paragraph \u2029 next \u0085",
		"astral and right": "👩‍👩‍👧 \u202eright to left \U0001F9EA",
		"quotes":           `"quoted" \ back \\ {"json":"in text"} <b>&amp;</b> </script>`,
	} {
		changed, _ := json.Marshal(odd)
		what := name + " in a text"
		r, err := f.under(t, s.asking, what,
			otherwise{to: e.is, status: e.status, body: bytes.Replace(e.body, old, changed, 1)})
		if err == nil {
			err = arrived(r.items, odd)
		}
		if err != nil {
			t.Errorf("%s: %.300v; it may be rejected, but not end the split", what, err)
		}
	}
	// Such a text is no JSON, so an error is a valid answer. Only a crash or a hang fails the
	// check.
	_, _ = f.under(t, s.asking, "half of a surrogate pair in a text",
		otherwise{to: e.is, status: e.status, body: bytes.Replace(e.body, old, []byte(`"half \ud800 of it"`), 1)})
}

// arrived looks for a record that carries a text, or for a reject.
func arrived(items []item, text string) error {
	for _, it := range items {
		if it.kind == "reject" {
			return nil
		}
		var record map[string]any
		if it.kind == "upsert" && json.Unmarshal([]byte(it.text), &record) == nil && holds(record, text) {
			return nil
		}
	}
	return errors.New("no record carries it as it was")
}

// holds reports whether a value is the text, or contains it.
func holds(v any, text string) bool {
	switch v := v.(type) {
	case string:
		return v == text
	case []any:
		return slices.ContainsFunc(v, func(e any) bool { return holds(e, text) })
	case map[string]any:
		for _, e := range v {
			if holds(e, text) {
				return true
			}
		}
	}
	return false
}

// carried finds a text of a record that occurs exactly once in one reply.
func (s *sourceTest) carried() (exchange, string, bool) {
	for _, it := range s.whole[s.asking.ID].items {
		var record map[string]any
		if it.kind != "upsert" || json.Unmarshal([]byte(it.text), &record) != nil {
			continue
		}
		for _, v := range record {
			text, ok := v.(string)
			if !ok || !strings.Contains(text, " ") || len(text) > 1<<10 {
				continue
			}
			raw, _ := json.Marshal(text)
			for _, e := range s.asked {
				if e.isJSON() && bytes.Count(e.body, raw) == 1 {
					return e, text, true
				}
			}
		}
	}
	return exchange{}, "", false
}
