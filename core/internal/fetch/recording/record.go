// Record: stores every exchange of a run in a file.

package recording

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/scrapekit/scrapekit/core/internal/fetch/body"
	"github.com/scrapekit/scrapekit/core/internal/fetch/trip"
	"github.com/scrapekit/scrapekit/core/internal/httppolicy"
	"github.com/scrapekit/scrapekit/sdk"
)

// Record writes each exchange to w; nil: none.
func Record(w *Writer, p httppolicy.Policy, pool *body.Pool) trip.Decorator {
	return func(next http.RoundTripper) http.RoundTripper {
		if w == nil || p.OwnAuthorization { // the host's own requests are for credentials
			return next
		}
		return trip.Func(func(req *http.Request) (*http.Response, error) {
			asked, err := trip.BodyOf(req)
			if err != nil {
				return nil, err
			}
			e := Exchange{Time: time.Now(), Plugin: p.Plugin}
			out := req.Clone(req.Context())
			out.Body = nil
			if asked != nil {
				out.Body = io.NopCloser(bytes.NewReader(asked))
			}
			resp, err := next.RoundTrip(out)
			if req.Context().Err() != nil { // cancelled, which says nothing about the host
				return resp, err
			}
			e.Took = time.Since(e.Time)
			if err != nil {
				e.Permanent = sdk.IsPermanent(err)
				return nil, errors.Join(err, w.Add(e, req, asked, nil, nil, err))
			}
			return recordReply(w, e, req, asked, resp, body.New(pool, p))
		})
	}
}

// recordReply reads a complete reply into b, records it and returns it. If it cannot be recorded,
// it is an error: otherwise the file would lack a request that was made.
func recordReply(w *Writer, e Exchange, req *http.Request, asked []byte, resp *http.Response,
	b *body.Body) (*http.Response, error) {
	err := b.Fill(resp.Body)
	if err = errors.Join(err, resp.Body.Close()); err == nil {
		err = w.Add(e, req, asked, resp, rewinder{b}, nil)
	}
	if err == nil {
		err = b.Rewind()
	}
	if err != nil {
		_ = b.Close() // err is more specific
		return nil, sdk.Permanent(fmt.Errorf("%s %s: %w", trip.Method(req), req.URL, err))
	}
	resp.Body = b
	return resp, nil
}

// rewinder is a body that can be read again.
type rewinder struct{ *body.Body }

func (r rewinder) Seek(offset int64, whence int) (int64, error) {
	if offset != 0 || whence != io.SeekStart {
		return 0, errors.New("a body can be read from its beginning only")
	}
	return 0, r.Rewind()
}
