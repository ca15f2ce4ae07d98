// The plugin's own classes: replies of which it knows better than the table in judge.go whether they pass.

package fetch

import (
	"bytes"
	"net/http"

	"github.com/scrapekit/scrapekit/sdk"
)

// lookedAt is how much of a body is searched for the text of a class.
const lookedAt = 64 << 10

// judge asks the plugin's classes first.
func (ex *exchange) judge(resp *http.Response, err error) outcome {
	if err != nil {
		return judgeError(err)
	}
	c, ok := ownClass(ex.classes, resp)
	switch {
	case !ok:
		return judge(resp, nil)
	case c.Temporary:
		return of("temporary")
	}
	return outcome{done, ""}
}

// ownClass returns the first class that names resp.
func ownClass(classes []sdk.ReplyClass, resp *http.Response) (sdk.ReplyClass, bool) {
	for _, c := range classes {
		if c.Status != resp.StatusCode {
			continue
		}
		b, ok := resp.Body.(*body)
		if c.Text == "" || ok && bytes.Contains(b.head(lookedAt), []byte(c.Text)) {
			return c, true
		}
	}
	return sdk.ReplyClass{}, false
}

// head returns the first n bytes of a body, as far as it has so many, and reads nothing off it. It is for a body that
// nobody has read from yet.
func (b *body) head(n int) []byte {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return nil
	}
	out := make([]byte, min(int64(n), b.size))
	if b.file != nil {
		got, _ := b.file.ReadAt(out, 0) // what cannot be read is not found; Read will tell why
		return out[:got]
	}
	at := 0
	for _, piece := range b.held {
		at += copy(out[at:], *piece)
	}
	return out
}
