// Timed ends an attempt without progress: a limit for each phase, and one for the whole attempt.

package wire

import (
	"context"
	"errors"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/scrapekit/scrapekit/core/internal/fetch/fault"
	"github.com/scrapekit/scrapekit/core/internal/fetch/trip"
	"github.com/scrapekit/scrapekit/core/internal/httppolicy"
)

// Attempt is what an attempt reports to the caller of [Watch].
type Attempt struct {
	Connected func(reused bool) // called by net/http for a connection, perhaps after the attempt
	FirstByte time.Duration     // from the connection to the reply's head, if there was one
}

type attemptKey struct{}

// Watch returns a context whose attempt reports to a.
func Watch(ctx context.Context, a *Attempt) context.Context {
	return context.WithValue(ctx, attemptKey{}, a)
}

func attemptOf(ctx context.Context) *Attempt { return ctx.Value(attemptKey{}).(*Attempt) }

// hooks receive net/http's trace events of an attempt. Paired, next to the transport, calls them:
// separate traces of the decorators would be merged by reflection for every request.
type hooks struct {
	gotConn func(reused bool)
	wrote   func() // the head
	sent    func() // all of it
}

type hooksKey struct{}

func hooksOf(ctx context.Context) hooks { return ctx.Value(hooksKey{}).(hooks) }

// Timed limits each phase of an attempt and the whole. The context has an [Attempt].
func Timed(p httppolicy.Policy) trip.Decorator {
	return func(next http.RoundTripper) http.RoundTripper {
		return trip.Func(func(req *http.Request) (*http.Response, error) {
			ctx, cancel := context.WithCancelCause(req.Context())
			w := newWatch(ctx, cancel, p)
			var sent atomic.Bool
			var ready atomic.Pointer[time.Time] // when the connection was ready
			begun := time.Now()
			ready.Store(&begun)
			at := attemptOf(req.Context())
			ctx = context.WithValue(ctx, hooksKey{}, hooks{
				gotConn: func(reused bool) {
					at.Connected(reused)
					now := time.Now()
					ready.Store(&now)
					w.phase("sent no reply", p.HeaderTimeout)
				},
				wrote: func() { sent.Store(true) },
				sent:  func() { w.phase("sent no reply", p.HeaderTimeout) },
			})
			resp, err := next.RoundTrip(req.WithContext(ctx))
			if err != nil {
				err = w.reason(err)
				w.stop()
				return nil, &fault.Error{Outcome: judgeSending(err, sent.Load()), Unsent: !sent.Load(), Err: err}
			}
			at.FirstByte = time.Since(*ready.Load())
			w.phase("sent nothing more", p.IdleTimeout)
			resp.Body = &watchedBody{body: resp.Body, watch: w}
			return resp, nil
		})
	}
}

// judgeSending returns the outcome of an error of the wire. An error before the request's head was
// sent happened on the way to the host.
func judgeSending(err error, sent bool) fault.Outcome {
	o := fault.JudgeError(err)
	switch o.Cause {
	case "timeout", "reset", "truncated", "garbage":
		if !sent {
			return fault.Of("connect")
		}
	}
	return o
}

// watch cancels an attempt whose phase, or whole, takes too long.
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
	w.whole = time.AfterFunc(p.Timeout, func() { cancel(&fault.TimeoutError{What: "was not done", Limit: p.Timeout}) })
	w.mu.Lock()
	defer w.mu.Unlock()
	w.what, w.limit = "could not be reached", p.ConnectTimeout
	w.timer = time.AfterFunc(w.limit, w.expire)
	return w
}

// phase begins a phase with a limit.
func (w *watch) phase(what string, limit time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.over {
		return // net/http may report a connection late
	}
	w.what, w.limit = what, limit
	w.timer.Reset(limit)
}

// alive restarts the current phase.
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
	w.cancel(&fault.TimeoutError{What: w.what, Limit: w.limit})
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

// reason returns the cause of err: the exceeded time limit, if there is one.
func (w *watch) reason(err error) error {
	var t *fault.TimeoutError
	if errors.As(context.Cause(w.ctx), &t) {
		return t
	}
	return err
}

// watchedBody reports each read to the watch. One goroutine uses it.
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
