// What most sources of a JSON API do: get a value, go on from a cursor, one split a stream.

package sdk

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/scrapekit/scrapekit/sdk/reply"
)

// GetJSON requests url with GET, through the host, and decodes the reply into the value that into
// points to. Read may return the error as it is: it is permanent for a status 4xx, but temporary
// for 408, 425 and 429, for 5xx, and for a body that is not JSON. It names the URL, the status and
// the beginning of the body.
//
// Many servers answer an error with status 200: {"error": …}, {}, null. A JSON error without data,
// such as {"ok": false} or {"error": "…"}, is a temporary error. To tell other errors from an empty
// page, tag the member that must be there:
//
//	var page struct {
//		Items []json.RawMessage `json:"items" required:"true"`
//	}
//
// A reply without a member that is tagged so, at any depth, or with null in its place, is a
// temporary error with the message of the server. So is null in place of the whole reply, unless
// into points to an interface or a json.RawMessage.
func GetJSON(ctx context.Context, url string, into any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return Permanent(err)
	}
	req.Header.Set("Accept", "application/json")
	_, err = DoJSON(ctx, req, into)
	return err
}

// DoJSON makes a request as [GetJSON] does, and returns the headers of the reply.
func DoJSON(ctx context.Context, req *http.Request, into any) (http.Header, error) {
	resp, err := HTTPClient(ctx).Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", req.Method, req.URL.Redacted(), err)
	}
	if err := ReplyError(resp, body); err != nil {
		return nil, err
	}
	if what := failureIn(body); what != "" {
		return nil, late(resp, fmt.Errorf("%s %s: %s, but the reply is an error: %s: %s", req.Method,
			req.URL.Redacted(), resp.Status, what, reply.Beginning(body)))
	}
	if err := reply.Decode(body, into); err != nil {
		if led := reply.RedirectOf(resp.Request); led != nil {
			err = fmt.Errorf("%w (%s)", err, led.Error())
		}
		return nil, fmt.Errorf("%s %s: %w", req.Method, req.URL.Redacted(), err)
	}
	return resp.Header, nil
}

// ReplyError returns nil for a status 2xx, and otherwise an error of the right class that says what
// the host did and which credential was refused. body is the body of the reply, or its beginning.
func ReplyError(resp *http.Response, body []byte) error {
	if resp.StatusCode >= 200 && resp.StatusCode <= 299 {
		return nil
	}
	text := fmt.Sprintf("%s %s: %d %s", resp.Request.Method, resp.Request.URL.Redacted(), resp.StatusCode,
		http.StatusText(resp.StatusCode))
	login := reply.Login(resp)
	if led := reply.RedirectOf(resp.Request); led != nil {
		login = led.Error()
	}
	for _, more := range []string{reply.Beginning(body), reply.GaveUp(resp), login} {
		if more != "" {
			text += ": " + more
		}
	}
	err := fmt.Errorf("%s", text)
	switch s := resp.StatusCode; {
	case s == http.StatusRequestTimeout, s == http.StatusTooEarly, s == http.StatusTooManyRequests, s >= 500:
		return late(resp, err)
	}
	return Permanent(err)
}

// pauseOf returns the time that a reply asks for: so many seconds, however many digits they have,
// or until a date.
func pauseOf(h http.Header) time.Duration {
	text := strings.TrimSpace(h.Get("Retry-After"))
	if until, err := http.ParseTime(text); err == nil {
		now, err := http.ParseTime(h.Get("Date"))
		if err != nil {
			now = time.Now()
		}
		return until.Sub(now)
	}
	seconds, err := strconv.ParseFloat(text, 64)
	switch {
	case text == "" || text[0] < '0' || text[0] > '9' || err != nil && !errors.Is(err, strconv.ErrRange):
		return 0
	case seconds >= math.MaxInt64/float64(time.Second):
		return math.MaxInt64
	}
	return time.Duration(seconds * float64(time.Second))
}

// late marks an error with the time that the reply asks for, if it does.
func late(resp *http.Response, err error) error {
	if pause := pauseOf(resp.Header); pause > 0 {
		return RetryAfter(err, pause)
	}
	return err
}

// failureIn returns what says that a reply 2xx is an error, and nothing else: "ok": false, or an
// "error" or "errors" without any data beside it, as many APIs answer. A source that looked for the
// records alone would take that for an empty page.
func failureIn(body []byte) string {
	if !bytes.Contains(body, []byte(`"error`)) && !bytes.Contains(body, []byte(`"ok"`)) {
		return ""
	}
	var members map[string]json.RawMessage
	if json.Unmarshal(body, &members) != nil {
		return ""
	}
	if string(bytes.TrimSpace(members["ok"])) == "false" {
		return `"ok" is false`
	}
	for _, name := range []string{"error", "errors"} {
		if isEmpty(members[name]) {
			continue
		}
		for other, v := range members {
			if !besideError[other] && !isEmpty(v) && (v[0] == '[' || v[0] == '{') {
				return ""
			}
		}
		return fmt.Sprintf("it has %q and no data", name)
	}
	return ""
}

// besideError are members that are no data.
var besideError = map[string]bool{"error": true, "errors": true, "extensions": true, "meta": true, "warnings": true,
	"links": true}

// isEmpty reports whether a value is missing or says nothing.
func isEmpty(v json.RawMessage) bool {
	switch s := string(bytes.Join(bytes.Fields(v), nil)); s {
	case "", "null", "false", "0", `""`, "[]", "{}":
		return true
	}
	return false
}

// CursorOf decodes the cursor of a split into a T, or returns first at the beginning of the split.
// A cursor that is not a T is a permanent error: another version of the source made it.
func CursorOf[T any](s Split, first T) (T, error) {
	if s.Cursor == nil {
		return first, nil
	}
	var at T
	if err := json.Unmarshal(s.Cursor, &at); err != nil {
		return first, Permanent(fmt.Errorf("cursor %.200q: %w", s.Cursor, err))
	}
	return at, nil
}

// Splits plans one split for each selected stream, with its name. That is enough for a source that
// reads each stream from one end to the other.
func (p Plan) Splits() []Split {
	var out []Split
	for _, name := range p.Streams {
		out = append(out, Split{ID: name, Stream: name})
	}
	return out
}

// SplitsSince plans like [Plan.Splits], for a source that reads only what is new since the last
// run: the Data of a split is the last cursor of its stream's split in that run, and [StartOf]
// begins there. A full run begins anew.
func (p Plan) SplitsSince() []Split {
	before := map[string][]byte{} // cursors
	for _, done := range p.Previous {
		before[done.ID] = done.Cursor
	}
	out := p.Splits()
	for i := range out {
		if cursor := before[out[i].ID]; cursor != nil {
			out[i].Data = cursor
		}
	}
	return out
}

// StartOf returns where to begin in a split of [Plan.SplitsSince]: at its cursor; at its beginning,
// where the last run ended; or at first, if there was no run before. Its errors are those of
// [CursorOf].
func StartOf[T any](s Split, first T) (T, error) {
	if s.Cursor == nil && s.Data != nil {
		s.Cursor = s.Data
	}
	return CursorOf(s, first)
}

// EmitPage emits the records of a page, and then the cursor after it: where the next page begins,
// or a value that says that there is none.
func (w *Writer) EmitPage(stream string, records []json.RawMessage, next any) error {
	for _, r := range records {
		if err := w.EmitJSON(stream, r); err != nil {
			return err
		}
	}
	return w.Cursor(next)
}
