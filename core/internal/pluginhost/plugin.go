// A running plugin: what it serves, how its death is noticed, how it is stopped.

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
	// drainTimeout is how long a plugin may take to close what it holds.
	drainTimeout = 5 * time.Second
	// exitTimeout is how long a plugin that has drained may take to exit.
	exitTimeout = 2 * time.Second
	// lossTimeout is how long a process may outlive its connection. One that dies does so at once.
	lossTimeout = 2 * time.Second
)

// A Plugin is a running plugin process. Its methods may be called by several goroutines at once.
type Plugin struct {
	label    string
	host     *Host
	log      limitedLog
	pulse    *pulse
	run      *pluginRunner
	client   *plugin.Client
	conn     *rpc.Conn
	hangUp   func() // ends the connection to a plugin that was not started here; nil: it was
	info     sdk.Info
	features rpc.Features

	services    context.Context // as long as the host does things for the plugin
	endServices context.CancelFunc
	served      func() error // waits until it does no more; nil before

	silent   atomic.Bool // it outlived its connection
	stopping atomic.Bool
	stop     sync.Once
	stopErr  error
}

// Info is what the plugin says of itself.
func (p *Plugin) Info() sdk.Info { return p.info }

// Features is what the configured plugin can do.
func (p *Plugin) Features() rpc.Features { return p.features }

// Pid is the id of the plugin's process.
func (p *Plugin) Pid() int { return p.run.pid() }

// Exited is closed when the process is gone, whether it was stopped or died.
func (p *Plugin) Exited() <-chan struct{} { return p.run.ended }

// Check tries the plugin's settings against the real system, if the plugin can; see [sdk.Checker].
func (p *Plugin) Check(ctx context.Context) error {
	return p.call(ctx, "Check", p.conn.Check)
}

// call makes a call that has an error alone.
func (p *Plugin) call(ctx context.Context, what string, f func(context.Context) error) error {
	_, err := call(ctx, p, what, func(ctx context.Context) (struct{}, error) { return struct{}{}, f(ctx) })
	return err
}

// explain turns the error of a call that ended with the plugin into a [Crash], and leaves every
// other error as the plugin made it. It waits for the process's end, so that the report is
// complete.
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

// death waits for the end of a process whose connection is gone.
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

// Stop has the plugin close what it holds and ends its process, for which it has 5 s, or less if
// ctx ends before. Calls under way end with an error. Stop returns what went wrong at the end, nil
// for a plugin that had died before; calls after the first return the same.
func (p *Plugin) Stop(ctx context.Context) error {
	p.stop.Do(func() { p.stopErr = p.drain(ctx); p.end() })
	return p.stopErr
}

// abandon ends a plugin that did not start.
func (p *Plugin) abandon() {
	p.stop.Do(func() { p.run.kill(); p.end() })
}

func (p *Plugin) drain(ctx context.Context) error {
	select {
	case <-p.run.ended:
		return nil // its crash was the error of whoever called it
	default:
	}
	p.stopping.Store(true)
	if p.hangUp == nil { // in a debugger it takes as long as it takes
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

// end ends the process, asking first, and releases everything of it.
func (p *Plugin) end() {
	p.stopping.Store(true)
	if p.hangUp != nil {
		p.hangUp()
	} else {
		// go-plugin asks the process to exit and waits for its answer without a limit.
		late := time.AfterFunc(exitTimeout, p.run.kill)
		defer late.Stop()
		p.client.Kill()
	}
	p.run.kill()
	p.endServices()
	if p.served != nil {
		// Its error is the broken connection, which is what was asked for.
		_ = p.served()
	}
	p.log.tell()
	p.host.remove(p)
}
