// recorded puts every exchange of a run into a file: see package recording.

package fetch

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/scrapekit/scrapekit/core/internal/fetch/recording"
	"github.com/scrapekit/scrapekit/core/internal/httppolicy"
	"github.com/scrapekit/scrapekit/sdk"
)

func recorded(w *recording.Writer, p httppolicy.Policy, pool *pieces) decorator {
	return func(next http.RoundTripper) http.RoundTripper {
		if w == nil || p.OwnAuthorization { // what the host asks for itself are credentials
			return next
		}
		return roundTrip(func(req *http.Request) (*http.Response, error) {
			asked, err := bodyOf(req)
			if err != nil {
				return nil, err
			}
			e := recording.Exchange{Time: time.Now(), Plugin: p.Plugin}
			out := req.Clone(req.Context())
			out.Body = nil
			if asked != nil {
				out.Body = io.NopCloser(bytes.NewReader(asked))
			}
			resp, err := next.RoundTrip(out)
			if req.Context().Err() != nil { // it was given up, which says nothing of the host
				return resp, err
			}
			e.Took = time.Since(e.Time)
			if err != nil {
				e.Permanent = sdk.IsPermanent(err)
				return nil, errors.Join(err, w.Add(e, req, asked, nil, nil, err))
			}
			return record(w, e, req, asked, resp, &body{pool: pool, dir: p.SpoolDir, room: p.SpoolRoom})
		})
	}
}

// record reads a reply whole into b, records it and hands it on. A reply that cannot be recorded is none: the file would
// claim that there was no such request.
func record(w *recording.Writer, e recording.Exchange, req *http.Request, asked []byte, resp *http.Response, b *body) (*http.Response, error) {
	err := b.fill(resp.Body)
	if err = errors.Join(err, resp.Body.Close()); err == nil {
		err = w.Add(e, req, asked, resp, rewinder{b}, nil)
	}
	if err == nil {
		err = b.rewind()
	}
	if err != nil {
		_ = b.Close() // err says more
		return nil, sdk.Permanent(fmt.Errorf("%s %s: %w", method(req), req.URL, err))
	}
	resp.Body = b
	return resp, nil
}

// rewinder is a body that can be read from its beginning again.
type rewinder struct{ *body }

func (r rewinder) Seek(offset int64, whence int) (int64, error) {
	if offset != 0 || whence != io.SeekStart {
		return 0, errors.New("a body can be read from its beginning only")
	}
	return 0, r.rewind()
}
