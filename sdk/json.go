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
)

// GetJSON asks for url with GET, by the host, and decodes the reply into the value that into points to. The error may be
// returned from Read as it is: a reply 4xx is a permanent one, but 408, 425 and 429 are temporary, as 5xx and a body that is
// no JSON are. It names the URL, the status and the beginning of the body.
func GetJSON(ctx context.Context, url string, into any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return Permanent(err)
	}
	req.Header.Set("Accept", "application/json")
	return DoJSON(ctx, req, into)
}

// DoJSON makes a request as [GetJSON] does.
func DoJSON(ctx context.Context, req *http.Request, into any) error {
	resp, err := HTTPClient(ctx).Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return fmt.Errorf("%s %s: %w", req.Method, req.URL.Redacted(), err)
	}
	if err := ReplyError(resp, body); err != nil {
		return err
	}
	if err := json.Unmarshal(body, into); err != nil {
		return fmt.Errorf("%s %s: the reply is not the JSON that was expected: %w: %s", req.Method, req.URL.Redacted(), err, beginning(body))
	}
	return nil
}

// ReplyError returns nil for a reply 2xx, and otherwise an error of the right class that says what the host did, and which
// credential was refused. body is what is known of the reply's body.
func ReplyError(resp *http.Response, body []byte) error {
	if resp.StatusCode >= 200 && resp.StatusCode <= 299 {
		return nil
	}
	text := fmt.Sprintf("%s %s: %d %s", resp.Request.Method, resp.Request.URL.Redacted(), resp.StatusCode, http.StatusText(resp.StatusCode))
	for _, more := range []string{beginning(body), GaveUp(resp), Login(resp)} {
		if more != "" {
			text += ": " + more
		}
	}
	err := fmt.Errorf("%s", text)
	switch s := resp.StatusCode; {
	case s == http.StatusRequestTimeout, s == http.StatusTooEarly, s == http.StatusTooManyRequests, s >= 500:
		if pause := pauseOf(resp.Header); pause > 0 {
			return RetryAfter(err, pause)
		}
		return err
	}
	return Permanent(err)
}

// pauseOf returns the time that a reply asks for: so many seconds, however many digits they have, or until a date.
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

// beginning returns as much of a body as a message can bear, on one line.
func beginning(body []byte) string {
	const shown = 200
	text := strings.Join(strings.Fields(string(bytes.ToValidUTF8(body[:min(len(body), shown)], []byte("�")))), " ")
	if len(body) > shown {
		text += "…"
	}
	return text
}

// CursorOf decodes the cursor of a split into a T, or returns first at the split's beginning. A cursor that is no T is a permanent
// error: it was made by another version of the source.
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

// Splits plans one split for each selected stream, named after it: all that a source needs which reads each stream from one
// end to the other.
func (p Plan) Splits() []Split {
	var out []Split
	for _, name := range p.Streams {
		out = append(out, Split{ID: name, Stream: name})
	}
	return out
}

// SplitsSince plans as [Plan.Splits] does, for a source that reads only what came since the run before: the Data of a split is the cursor with
// which the split of its stream ended then, and [StartOf] begins there. A full run has no run before it.
func (p Plan) SplitsSince() []Split {
	out := p.Splits()
	for i := range out {
		for _, done := range p.Previous {
			if done.ID == out[i].ID && done.Cursor != nil {
				out[i].Data = done.Cursor
			}
		}
	}
	return out
}

// StartOf says where to read a split of [Plan.SplitsSince] from: at its cursor; at its beginning where the run before has ended; or at first,
// if there was none. Its errors are those of [CursorOf].
func StartOf[T any](s Split, first T) (T, error) {
	if s.Cursor == nil && s.Data != nil {
		s.Cursor = s.Data
	}
	return CursorOf(s, first)
}

// EmitPage emits the records of a page and then the cursor after it: where the next page begins, or anything that says
// that there is none.
func (w *Writer) EmitPage(stream string, records []json.RawMessage, next any) error {
	for _, r := range records {
		if err := w.EmitJSON(stream, r); err != nil {
			return err
		}
	}
	return w.Cursor(next)
}
