// Run: one run of a pipeline, from the lock to the report.

package core

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/scrapekit/scrapekit/core/internal/checkpoint"
	"github.com/scrapekit/scrapekit/core/internal/deadletter"
	"github.com/scrapekit/scrapekit/core/internal/dial"
	"github.com/scrapekit/scrapekit/core/internal/disk"
	"github.com/scrapekit/scrapekit/core/internal/fetch"
	"github.com/scrapekit/scrapekit/core/internal/pipeline"
	"github.com/scrapekit/scrapekit/core/internal/pluginhost"
	"github.com/scrapekit/scrapekit/core/observe"
)

// RunOptions say how a run is done.
type RunOptions struct {
	Full      bool               // start over and deliver everything again
	Listeners []observe.Listener // receive the events, without secrets
	// OneTry ends the run at the first error, which [Run.Wait] returns. It is for an author who
	// watches.
	OneTry bool
}

// Run is a run under way.
type Run struct {
	p        *Pipeline
	o        RunOptions
	started  time.Time
	pipeline *pipeline.Pipeline
	store    checkpoint.Store
	fetch    *fetch.Client
	dial     *dial.Client
	letters  *deadletter.File
	kept     *Report     // set at the end of the run
	first    *firstError // nil without OneTry
	crashes  crashes
	seen     seen
	opened   closers
}

// Start takes the pipeline's lock and prepares a run. The caller calls [Run.Wait], then
// [Run.Close].
func (p *Pipeline) Start(ctx context.Context, o RunOptions) (*Run, error) {
	unlock, err := lockState(p.config.Name, p.home())
	if err != nil {
		return nil, err
	}
	if err := claim(p.home(), p.config.Name, p.config.File); err != nil {
		return nil, errors.Join(err, unlock())
	}
	if p.opts.Replay != "" {
		if err := p.forgetReplay(); err != nil {
			return nil, errors.Join(fmt.Errorf("folder of the replay: %w", err), unlock())
		}
	}
	r := &Run{p: p, o: o, started: time.Now(), seen: newSeen(), opened: closers{unlock}}
	if err := r.assemble(ctx, &r.opened); err != nil {
		return nil, errors.Join(err, r.Close())
	}
	return r, nil
}

// Close frees what the run opened and releases the pipeline's lock. Call it after Wait has
// returned, or instead of Wait.
func (r *Run) Close() error { return r.opened.close() }

// assemble assembles the run, in the order of the data flow.
func (r *Run) assemble(ctx context.Context, c *closers) error {
	p := r.p
	spool := p.home().Spool()
	if err := emptyDir(spool); err != nil {
		return fmt.Errorf("spool folder: %w", err)
	}
	store, err := checkpoint.OpenSQLite(ctx, p.home().Store())
	if err != nil {
		return err
	}
	r.store = store
	c.add(store.Close)
	listeners := r.listeners()
	earlier, err := store.View().Runs(ctx, 1)
	if err != nil {
		return err
	}
	if r.fetch, err = p.openHTTP(c, fetch.Options{Learned: p.home().Limits(), Listeners: listeners}, len(earlier) > 0 &&
		!r.o.Full); err != nil {
		return err
	}
	host, err := pluginhost.New(pluginhost.Options{Logger: p.logger, Sandbox: p.level})
	if err != nil {
		return err
	}
	r.dial = p.openDial()
	room := disk.NewRoom(p.config.MaxSpool)
	parts := &parts{
		Pipeline: p, host: host, fetch: r.fetch, dial: r.dial, spool: spool, room: room, own: p.home(),
		files: p.keepIn(p.replayed("files")),
	}
	c.add(parts.made.removeEmpty)
	c.add(host.Close)
	r.letters = deadletter.New(p.home().Run)
	c.add(r.letters.Close)

	fingerprint, err := p.fingerprint()
	if err != nil {
		return err
	}
	r.pipeline = pipeline.New(pipeline.Config{
		Source: parts.source(), Transforms: parts.transforms(), Sinks: parts.sinks(),
		Store: store, Letters: r.letters,
		Begin: checkpoint.Begin{ID: newRunID(r.started), Now: r.started, Full: r.o.Full,
			Fingerprint: fingerprint},
		Concurrency: p.config.Concurrency, CommitEvery: p.config.CommitEvery, CommitBytes: p.config.CommitBytes,
		SpoolDir: spool, SpoolRoom: room, Logger: p.logger, Listeners: listeners, Hide: p.redact.String, Keep: r.keep,
	})
	return nil
}

// Wait runs to the end, or until ctx is done; then it drains and commits. It returns the report,
// which is also in the run's folder. There is no report if the run could not begin or its end could
// not be saved.
func (r *Run) Wait(ctx context.Context) (*Report, error) {
	if r.o.OneTry {
		return r.try(ctx)
	}
	_, err := r.pipeline.Run(ctx)
	if err == nil {
		r.p.pruneSome(context.WithoutCancel(ctx), r.store)
	}
	return r.kept, r.p.redact.Error(r.explain(err))
}

// try is Wait that stops at the first error.
func (r *Run) try(ctx context.Context) (*Report, error) {
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	r.first.begin(func() { end(errFirst) })
	res, err := r.pipeline.Run(ctx)
	if first := r.first.get(); first != nil {
		err = first
	} else if err == nil {
		err = res.Err
	}
	return r.kept, r.p.redact.Error(r.explain(err))
}

// listeners returns the run's own listeners and the user's. The latter receive no secrets.
func (r *Run) listeners() observe.Listeners {
	all := observe.Listeners{r.seen.event, func(e observe.Event) { r.crashes.event(e, r.p.home().Run) }}
	if r.o.OneTry {
		r.first = &firstError{}
		all = append(all, r.first.event)
	}
	for _, l := range r.o.Listeners {
		all = append(all, observe.Hidden(r.p.redact, l))
	}
	return all
}

// keep makes and keeps the report of a run that is about to end.
func (r *Run) keep(res pipeline.Result) error {
	r.crashes.note(res.Err)
	r.kept = r.report(res)
	var err error
	if r.kept.Crashes, err = r.crashes.kept(); err != nil {
		r.p.logger.Warn("the last output of a plugin that died is not kept", "error", err)
	}
	return r.kept.keep(r.p.home().Run(res.Run.ID))
}

// explain adds advice to an error with which a run could not begin.
func (r *Run) explain(err error) error {
	switch {
	case errors.Is(err, checkpoint.ErrChanged):
		return fmt.Errorf("%w: finish it with the former settings, or start over with --full", err)
	case errors.Is(err, checkpoint.ErrFenced):
		return fmt.Errorf("%w, and goes on from the last commit; what this process had not committed is read there",
			err)
	}
	return err
}

// newRunID returns an id that sorts by time. Its suffix is the fraction of the second.
func newRunID(now time.Time) string {
	part := int64(now.Nanosecond()) << 16 / int64(time.Second)
	return now.UTC().Format("20060102-150405") + fmt.Sprintf("-%04x", part)
}

func emptyDir(dir string) error {
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	return os.MkdirAll(dir, 0o700)
}

// closers are closed in reverse order.
type closers []func() error

func (c *closers) add(f func() error) { *c = append(*c, f) }

func (c *closers) close() error {
	var err error
	for i := len(*c) - 1; i >= 0; i-- {
		err = errors.Join(err, (*c)[i]())
	}
	*c = nil
	return err
}
