// timed ends an attempt that makes no progress: one limit for each of its phases and one for all of it.

package fetch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/scrapekit/scrapekit/core/internal/httppolicy"
)

func timed(p httppolicy.Policy) decorator {
	return func(next http.RoundTripper) http.RoundTripper {
		return roundTrip(func(req *http.Request) (*http.Response, error) {
			ctx, cancel := context.WithCancelCause(req.Context())
			w := newWatch(ctx, cancel, p)
			var sent atomic.Bool
			var ready atomic.Pointer[time.Time] // when there was a connection
			begun := time.Now()
			ready.Store(&begun)
			ex := exchangeOf(req)
			ex.trace = hooks{
				gotConn: func(reused bool) {
					ex.host.meter.connected(reused)
					now := time.Now()
					ready.Store(&now)
					w.phase("sent no reply", p.HeaderTimeout)
				},
				wrote: func() { sent.Store(true) },
				sent:  func() { w.phase("sent no reply", p.HeaderTimeout) },
			}
			resp, err := next.RoundTrip(req.WithContext(ctx))
			if err != nil {
				err = w.reason(err)
				w.stop()
				return nil, &attemptError{outcome: judgeSending(err, sent.Load()), unsent: !sent.Load(), err: err}
			}
			ex.firstByte = time.Since(*ready.Load())
			w.phase("sent nothing more", p.IdleTimeout)
			resp.Body = &watchedBody{body: resp.Body, watch: w}
			return resp, nil
		})
	}
}

// judgeSending judges an error of the wire. What went wrong before the head of the request was sent did so on the way to
// the host.
func judgeSending(err error, sent bool) outcome {
	o := judgeError(err)
	switch o.cause {
	case "timeout", "reset", "truncated", "garbage":
		if !sent {
			return of("connect")
		}
	}
	return o
}

// watch cancels the context of an attempt when its phase, or all of it, takes too long.
type watch struct {
	ctx    context.Context
	cancel context.CancelCauseFunc
	whole  *time.Timer

	mu    sync.Mutex
	timer *time.Timer
	what  string
	limit time.Duration
	over  bool
}

func newWatch(ctx context.Context, cancel context.CancelCauseFunc, p httppolicy.Policy) *watch {
	w := &watch{ctx: ctx, cancel: cancel}
	w.whole = time.AfterFunc(p.Timeout, func() { cancel(&timeoutError{"was not done", p.Timeout}) })
	w.mu.Lock()
	defer w.mu.Unlock()
	w.what, w.limit = "could not be reached", p.ConnectTimeout
	w.timer = time.AfterFunc(w.limit, w.expire)
	return w
}

// phase begins a phase that may last for limit.
func (w *watch) phase(what string, limit time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.over {
		return // net/http may tell late of a connection
	}
	w.what, w.limit = what, limit
	w.timer.Reset(limit)
}

// alive begins the present phase anew.
func (w *watch) alive() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.over {
		w.timer.Reset(w.limit)
	}
}

func (w *watch) expire() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.cancel(&timeoutError{w.what, w.limit})
}

// stop ends the attempt.
func (w *watch) stop() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.over = true
	w.timer.Stop()
	w.whole.Stop()
	w.cancel(nil)
}

// reason is why err came: the time limit, if one is over.
func (w *watch) reason(err error) error {
	var t *timeoutError
	if errors.As(context.Cause(w.ctx), &t) {
		return t
	}
	return err
}

// timeoutError is a net.Error that says which limit is over.
type timeoutError struct {
	what  string
	limit time.Duration
}

func (e *timeoutError) Error() string {
	return fmt.Sprintf("the host %s within %s", e.what, short(e.limit))
}
func (e *timeoutError) Timeout() bool   { return true }
func (e *timeoutError) Temporary() bool { return true }

// watchedBody shows each piece of a body to the watch. It belongs to one goroutine.
type watchedBody struct {
	body  io.ReadCloser
	watch *watch
}

func (b *watchedBody) Read(p []byte) (int, error) {
	n, err := b.body.Read(p)
	if n > 0 {
		b.watch.alive()
	}
	if err == nil || err == io.EOF {
		return n, err
	}
	return n, b.watch.reason(err)
}

func (b *watchedBody) Close() error {
	err := b.body.Close()
	b.watch.stop()
	return err
}
