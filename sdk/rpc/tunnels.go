// The connections of a plugin, the host's end: how many there are, and how each ends.

package rpc

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/scrapekit/scrapekit/sdk/rpc/internal/neterr"
)

// lingerTime is how long the far end may take to take in what a plugin wrote before it closed the
// connection.
const lingerTime = 5 * time.Second

// tunnels are the connections of one plugin.
type tunnels struct {
	mu    sync.Mutex // guards the rest
	m     map[uint64]*tunnel
	ended *sync.Cond // one has; nil: nobody waits
}

// tunnel is one connection, from the plugin's wish for it on.
type tunnel struct {
	cancel context.CancelFunc // breaks it off

	mu     sync.Mutex  // guards the rest
	open   bool        // it stands
	linger *time.Timer // until it is broken off; nil: it is not closed
}

// add returns nil if the id is in use, or if there are too many.
func (ts *tunnels) add(id uint64, cancel context.CancelFunc) (*tunnel, error) {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	switch {
	case ts.m[id] != nil:
		return nil, fmt.Errorf("the plugin used the id %d for two connections at once", id)
	case len(ts.m) >= neterr.MaxConns:
		return nil, neterr.ErrTooMany
	case ts.m == nil:
		ts.m = map[uint64]*tunnel{}
	}
	t := &tunnel{cancel: cancel}
	ts.m[id] = t
	return t, nil
}

func (ts *tunnels) remove(id uint64) {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	delete(ts.m, id)
	if ts.ended != nil {
		ts.ended.Broadcast()
	}
}

// hangUp is the plugin's wish to end one.
func (ts *tunnels) hangUp(id uint64) {
	ts.mu.Lock()
	t := ts.m[id]
	ts.mu.Unlock()
	if t != nil {
		t.hangUp()
	}
}

func (t *tunnel) hangUp() {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case !t.open:
		t.cancel()
	case t.linger == nil:
		t.linger = time.AfterFunc(lingerTime, t.cancel)
	}
}

// end gives the connections of a plugin that will use none any more their time to deliver what it
// wrote, and returns when there is none left or ctx ends.
func (ts *tunnels) end(ctx context.Context) {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	for _, t := range ts.m {
		t.hangUp()
	}
	if ts.ended == nil {
		ts.ended = sync.NewCond(&ts.mu)
	}
	defer context.AfterFunc(ctx, func() {
		ts.mu.Lock()
		defer ts.mu.Unlock()
		ts.ended.Broadcast()
	})()
	for len(ts.m) > 0 && ctx.Err() == nil {
		ts.ended.Wait()
	}
}

// opened notes that the connection stands: from now on it may linger.
func (t *tunnel) opened() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.open = true
}

func (t *tunnel) end() {
	t.cancel()
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.linger != nil {
		t.linger.Stop()
	}
}
