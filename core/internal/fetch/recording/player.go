// Player: a RoundTripper that answers from a recording.

package recording

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/scrapekit/scrapekit/core/internal/fetch/trip"
	"github.com/scrapekit/scrapekit/core/internal/redact"
	"github.com/scrapekit/scrapekit/sdk"
)

// Player answers requests in any order. Replies to a repeated request come in their recorded order;
// the last one repeats.
type Player struct {
	mask
	rec   *Recording
	byKey map[string][]int // indices of exchanges

	mu   sync.Mutex
	used map[string]int
}

// NewPlayer returns a player of r. set has the secrets of the pipeline.
func NewPlayer(r *Recording, set *redact.Set) *Player {
	p := &Player{mask: mask{set: set, salt: r.salt}, rec: r, byKey: map[string][]int{}, used: map[string]int{}}
	for i, e := range r.Exchanges {
		p.byKey[e.key()] = append(p.byKey[e.key()], i)
	}
	return p
}

// key is equal for the same requests.
func (r Request) key() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s\n%s\n", r.Method, r.URL, r.Body)
	for _, name := range slices.Sorted(maps.Keys(r.Header)) {
		fmt.Fprintf(&b, "%s: %s\n", name, r.Header[name])
	}
	return b.String()
}

// RoundTrip implements http.RoundTripper. It uses only the file.
func (p *Player) RoundTrip(req *http.Request) (*http.Response, error) {
	if err := req.Context().Err(); err != nil {
		return nil, err
	}
	asked, err := trip.BodyOf(req)
	if err != nil {
		return nil, err
	}
	r := p.request(req, asked)
	e, ok := p.next(r.key())
	switch {
	case !ok:
		return nil, sdk.Permanent(fmt.Errorf("%s %s: %w", r.Method, r.URL, p.miss(r)))
	case e.Withheld != "":
		return nil, sdk.Permanent(fmt.Errorf("%s %s: the reply was not recorded: %s", r.Method, r.URL, e.Withheld))
	case e.Error != "" && e.Permanent:
		return nil, sdk.Permanent(errors.New(e.Error))
	case e.Error != "":
		return nil, errors.New(e.Error)
	}
	return p.reply(req, e), nil
}

// next returns the next exchange for a request.
func (p *Player) next(key string) (Exchange, bool) {
	all := p.byKey[key]
	if len(all) == 0 {
		return Exchange{}, false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	i := min(p.used[key], len(all)-1)
	p.used[key]++
	return p.rec.Exchanges[all[i]], true
}

func (p *Player) reply(req *http.Request, e Exchange) *http.Response {
	resp := &http.Response{
		Status: fmt.Sprintf("%d %s", e.Status, http.StatusText(e.Status)), StatusCode: e.Status,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: e.Reply.Clone(), Request: req,
		Body: io.NopCloser(p.rec.Body(e)), ContentLength: e.Size,
	}
	if resp.Header == nil {
		resp.Header = http.Header{}
	}
	if e.Size == 0 { // for a HEAD, the header has the length
		if n, err := strconv.ParseInt(resp.Header.Get("Content-Length"), 10, 64); err == nil && n >= 0 {
			resp.ContentLength = n
		}
	}
	return resp
}
