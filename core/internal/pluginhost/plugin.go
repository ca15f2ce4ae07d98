// A running plugin: what it serves, and how it crashes and stops.

package pluginhost

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-plugin"

	"github.com/scrapekit/scrapekit/sdk"
	"github.com/scrapekit/scrapekit/sdk/rpc"
)

const (
	// drainTimeout is how long a plugin may take to close its resources.
	drainTimeout = 5 * time.Second
	// exitTimeout is how long a drained plugin may take to exit.
	exitTimeout = 2 * time.Second
	// lossTimeout is how long a process may run after its connection ended. A crashed process is
	// gone at once.
	lossTimeout = 2 * time.Second
)

// A Plugin is a running plugin process. Its methods may be called by several goroutines at the same
// time.
type Plugin struct {
	label    string
	host     *Host
	log      limitedLog
	pulse    *activity
	run      *pluginRunner
	client   *plugin.Client
	conn     *rpc.Conn
	hangUp   func() // closes the connection to an attached plugin; nil: the host started it
	info     sdk.Info
	features rpc.Features

	services    context.Context // lasts while the host serves the plugin
	endServices context.CancelFunc
	served      func() error // waits until the host serves it no longer; nil before

	silent   atomic.Bool // it kept running after its connection ended
	stopping atomic.Bool
	stop     sync.Once
	stopErr  error
}

// Info is the plugin's description.
func (p *Plugin) Info() sdk.Info { return p.info }

// Features are the abilities of the configured plugin.
func (p *Plugin) Features() rpc.Features { return p.features }

// Pid is the id of the plugin's process.
func (p *Plugin) Pid() int { return p.run.pid() }

// Exited is closed when the process is gone, for any reason.
func (p *Plugin) Exited() <-chan struct{} { return p.run.ended }

// Check tries the plugin's settings against the real system, if the plugin can; see [sdk.Checker].
func (p *Plugin) Check(ctx context.Context) error {
	return p.call(ctx, "Check", p.conn.Check)
}

// call makes a call that returns only an error.
func (p *Plugin) call(ctx context.Context, what string, f func(context.Context) error) error {
	_, err := call(ctx, p, what, func(ctx context.Context) (struct{}, error) { return struct{}{}, f(ctx) })
	return err
}

// explain returns a [Crash] if the call failed because the process ended, and any other error
// unchanged. It waits for the end of the process, so that the report is complete.
func (p *Plugin) explain(err error) error {
	lost := (*rpc.LostError)(nil)
	if !errors.As(err, &lost) {
		return err
	}
	if p.stopping.Load() {
		return at(p.label, errStopped)
	}
	return p.death()
}

// death waits for the end of a process that has lost its connection.
func (p *Plugin) death() *Crash {
	late := time.NewTimer(lossTimeout)
	defer late.Stop()
	select {
	case <-p.run.ended:
	case <-late.C:
		p.silent.Store(true)
		p.run.kill()
	}
	crash := p.run.crash(p.label)
	crash.Silent = p.silent.Load()
	return crash
}

// Stop asks the plugin to close its resources and ends the process, within 5 s, or earlier if ctx
// is done. Calls in progress fail. It returns the error of the end, or nil if the plugin had
// crashed before. Further calls return the same.
func (p *Plugin) Stop(ctx context.Context) error {
	p.stop.Do(func() { p.stopErr = p.drain(ctx); p.end() })
	return p.stopErr
}

// abandon ends a plugin that failed to start.
func (p *Plugin) abandon() {
	p.stop.Do(func() { p.run.kill(); p.end() })
}

func (p *Plugin) drain(ctx context.Context) error {
	select {
	case <-p.run.ended:
		return nil // the crash was returned to a caller
	default:
	}
	p.stopping.Store(true)
	if p.hangUp == nil { // no limit in a debugger
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, drainTimeout)
		defer cancel()
	}
	err := p.conn.Drain(ctx)
	if err == nil {
		return nil
	}
	defer p.run.kill()
	lost := (*rpc.LostError)(nil)
	switch {
	case errors.As(err, &lost):
		return p.death()
	case ctx.Err() != nil:
		return at(p.label, fmt.Errorf("the plugin did not close within its time and was killed: %w", err))
	}
	return at(p.label, fmt.Errorf("close: %w", err))
}

// end asks the process to exit, ends it, and releases its resources.
func (p *Plugin) end() {
	p.stopping.Store(true)
	if p.hangUp != nil {
		p.hangUp()
	} else {
		// go-plugin waits for the answer to its request without a limit.
		late := time.AfterFunc(exitTimeout, p.run.kill)
		defer late.Stop()
		p.client.Kill()
	}
	p.run.kill()
	p.endServices()
	if p.served != nil {
		// The error is the closed connection, as requested.
		_ = p.served()
	}
	p.log.reportDropped()
	p.host.remove(p)
}
