// HTTP: how the stores are asked, and what they refuse.

package objects

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"net/http"

	"github.com/scrapekit/scrapekit/sdk"
	"github.com/scrapekit/scrapekit/sdk/reply"
)

// answer is a reply of which the whole body was read.
type answer struct {
	*http.Response
	raw []byte
}

// send makes a request and reads the whole reply.
func send(ctx context.Context, method, url string, header http.Header, body []byte) (answer, error) {
	req, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader(body))
	if err != nil {
		return answer{}, sdk.Permanent(err)
	}
	if header != nil {
		req.Header = header.Clone()
	}
	resp, err := sdk.HTTPClient(ctx).Do(req)
	if err != nil {
		return answer{}, err
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	return answer{resp, raw}, err
}

// refusal is a reply that is no success: what the store said, and what to do.
type refusal struct {
	Status                int `xml:"-"`
	Code, Message, Region string
	text                  string
}

func (e *refusal) Error() string { return e.text }

// err is e as the error of a request about what at names. It is permanent if the same request would
// be refused again.
func (e *refusal) err(a answer, at, advice string) error {
	e.text = at + ": " + cmp.Or(e.Code, a.Status)
	if e.Message != "" {
		e.text += ": " + e.Message
	}
	for _, more := range []string{advice, reply.Login(a.Response), reply.GaveUp(a.Response)} {
		if more != "" {
			e.text += "; " + more
		}
	}
	switch e.Status {
	case http.StatusRequestTimeout, http.StatusConflict, http.StatusTooManyRequests:
		return e
	}
	if e.Status/100 == 3 || e.Status/100 == 4 || e.Code == "NotImplemented" {
		return sdk.Permanent(e)
	}
	return e
}

// advised is an error in the settings, with what to write.
func advised(format string, args ...any) error { return sdk.Permanent(fmt.Errorf(format, args...)) }
