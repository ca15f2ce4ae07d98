// Silence: ends a call that is never answered. No limit fits all calls, but a plugin that neither
// answers, emits, nor makes requests for long is not working.

package pluginhost

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/scrapekit/scrapekit/sdk"
)

// silenceTimeout is how long a called plugin may give no sign of life. A database may take long to
// build an index.
const silenceTimeout = time.Hour

// activity records signs of a plugin's life.
type activity struct {
	busy atomic.Int64 // requests of the plugin in progress
	last atomic.Int64 // last sign, Unix nanoseconds
}

func (p *activity) mark() { p.last.Store(time.Now().UnixNano()) }

// during is a sign that lasts until end is called.
func (p *activity) during() (end func()) {
	p.busy.Add(1)
	return func() {
		p.mark()
		p.busy.Add(-1)
	}
}

// silent returns the time since the last sign.
func (p *activity) silent() time.Duration {
	if p.busy.Load() > 0 {
		return 0
	}
	return time.Since(time.Unix(0, p.last.Load()))
}

// errSilent is the cause with which a silent call is cancelled.
var errSilent = errors.New("no sign of life")

// call calls the plugin and explains its error. An attached plugin has no limit.
func call[T any](ctx context.Context, p *Plugin, what string, f func(context.Context) (T, error)) (T, error) {
	if p.hangUp == nil {
		var stop func()
		ctx, stop = p.pulse.watch(ctx, p.host.silence)
		defer stop()
	}
	v, err := f(ctx)
	if err != nil && errors.Is(context.Cause(ctx), errSilent) {
		return v, fmt.Errorf("%s got no answer, and for %s the plugin sent nothing and requested nothing: "+
			"the plugin hangs, and the call is given up", what, p.host.silence)
	}
	return v, p.explain(err)
}

// watch returns a context that is cancelled after limit without a sign, counted from now. stop ends
// the watch.
func (p *activity) watch(ctx context.Context, limit time.Duration) (watched context.Context, stop func()) {
	p.mark()
	watched, cancel := context.WithCancelCause(ctx)
	var next *time.Timer
	next = time.AfterFunc(limit, func() {
		if silent := p.silent(); silent < limit {
			next.Reset(limit - silent)
			return
		}
		cancel(errSilent)
	})
	return watched, func() { next.Stop(); cancel(nil) }
}

// serve wraps the host's services so that each request is a sign of life.
func (p *activity) serve(h sdk.Host) sdk.Host {
	if inner := h.Transport; inner != nil {
		h.Transport = roundTripper(func(req *http.Request) (*http.Response, error) {
			defer p.during()()
			return inner.RoundTrip(req)
		})
	}
	if inner := h.Dial; inner != nil {
		h.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
			defer p.during()()
			c, err := inner(ctx, network, address)
			if err != nil {
				return nil, err
			}
			return conn{c, p}, nil
		}
	}
	inner := h.Count
	h.Count = func(name string, n int64) {
		p.mark()
		if inner != nil {
			inner(name, n)
		}
	}
	return h
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

// conn is a connection of the plugin.
type conn struct {
	net.Conn
	pulse *activity
}

func (c conn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.pulse.mark()
	return n, err
}

func (c conn) Write(b []byte) (int, error) {
	n, err := c.Conn.Write(b)
	c.pulse.mark()
	return n, err
}

// CloseWrite closes the sending side, if the connection supports it.
func (c conn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}

// output wraps a source's output so that emitting is a sign of life while it lasts.
type output struct {
	to    *sdk.Writer
	pulse *activity
}

func (o output) Batch(b sdk.Batch) error {
	defer o.pulse.during()()
	return o.to.Batch(b)
}

func (o output) Cursor(c []byte) error {
	defer o.pulse.during()()
	return o.to.Cursor(c)
}

func (o output) Split(s sdk.Split) error {
	defer o.pulse.during()()
	return o.to.Split(s)
}

func (o output) Reject(r sdk.Reject) error {
	defer o.pulse.during()()
	return o.to.Reject(r.Stream, r.Record, r.Reason)
}
