// Replay: a recording in place of a remote system.

package conformance

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"

	"github.com/scrapekit/scrapekit/sdk"
)

// OpenReplay returns a transport that answers from the lines of `scrapekit recording show --json`;
// see sdktest.Replay.
func OpenReplay(file string) (http.RoundTripper, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	r := &replay{file: file, used: map[int]bool{}}
	dec := json.NewDecoder(bufio.NewReader(f))
	for {
		var e recorded
		err := dec.Decode(&e)
		if errors.Is(err, io.EOF) {
			return r, nil
		}
		if err == nil {
			e.url, err = url.Parse(e.URL)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: exchange %d: %w", file, len(r.all)+1, err)
		}
		r.all = append(r.all, e)
	}
}

// recorded is a line of `scrapekit recording show --json`, with the fields that a replay needs.
type recorded struct {
	Method    string      `json:"method"`
	URL       string      `json:"url"`
	Status    int         `json:"status"`
	Reply     http.Header `json:"reply"`
	Text      string      `json:"text"`
	Base64    []byte      `json:"base64"`
	Error     string      `json:"error"`
	Withheld  string      `json:"withheld"`
	Permanent bool        `json:"permanent"`
	url       *url.URL
}

type replay struct {
	file string
	all  []recorded

	mu   sync.Mutex
	used map[int]bool
}

// RoundTrip implements http.RoundTripper.
func (r *replay) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Body != nil {
		defer req.Body.Close() // not read
	}
	if err := req.Context().Err(); err != nil {
		return nil, err
	}
	e, ok := r.next(req)
	switch {
	case !ok:
		return nil, sdk.Permanent(fmt.Errorf("%s %s: not in %s", req.Method, req.URL, r.file))
	case e.Withheld != "":
		return nil, sdk.Permanent(fmt.Errorf("%s %s: not recorded: %s", req.Method, req.URL, e.Withheld))
	case e.Error != "" && e.Permanent:
		return nil, sdk.Permanent(errors.New(e.Error))
	case e.Error != "":
		return nil, errors.New(e.Error)
	}
	header := e.Reply.Clone()
	header.Del("Content-Length") // the body may have been changed by hand
	return replyTo(req, e.Status, header, []byte(e.Text+string(e.Base64))), nil
}

// next returns the exchange that answers next: the first unused one, or the last.
func (r *replay) next(req *http.Request) (e recorded, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i, one := range r.all {
		if !one.is(req) {
			continue
		}
		e, ok = one, true
		if !r.used[i] {
			r.used[i] = true
			break
		}
	}
	return e, ok
}

func (e recorded) is(req *http.Request) bool {
	a, b := e.url, req.URL
	if e.Method != req.Method || a.Scheme != b.Scheme || !strings.EqualFold(a.Host, b.Host) ||
		max(a.Path, "/") != max(b.Path, "/") {
		return false
	}
	return maps.EqualFunc(a.Query(), b.Query(), func(recorded, asked []string) bool {
		return slices.EqualFunc(recorded, asked, func(v, w string) bool {
			return v == w || strings.HasPrefix(v, "redacted-") || strings.Contains(v, "[redacted]")
		})
	})
}
