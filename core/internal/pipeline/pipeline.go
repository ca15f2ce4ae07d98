// Run: what a pipeline is made of, and the loop of attempts around it.

package pipeline

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/scrapekit/scrapekit/core/internal/checkpoint"
	"github.com/scrapekit/scrapekit/core/internal/disk"
	"github.com/scrapekit/scrapekit/sdk"
	"github.com/scrapekit/scrapekit/sdk/host/hint"
)

// Config is what one run is made of.
type Config struct {
	Source     Stage[sdk.Source]
	Transforms []Stage[sdk.Transform]
	Sinks      []Stage[sdk.Sink]
	Store      checkpoint.Store
	Letters    Letters

	Begin       checkpoint.Begin
	Concurrency int           // splits read at once
	CommitEvery time.Duration // the longest time between two commits
	CommitBytes int64         // a commit comes earlier after that much payload
	SpoolDir    string        // for groups that are too large for memory
	SpoolRoom   *disk.Room    // for them; nil: any
	GroupMemory int           // bytes of a group that are held in memory; 0: 16 MiB

	Logger hclog.Logger
	// NewQueue makes what hands out the splits of an attempt; nil: the queue of one process that does all the
	// work. claim takes splits from the store.
	NewQueue func(claim Claim) Queue
	// ClaimAtOnce is how many splits that queue claims at once; 0: 64.
	ClaimAtOnce int
	OnEvent     func(Event) // may be nil; called by several goroutines at once
	// Keep is given the result before the store is told that the run has ended, so that no ended run lacks its
	// report, whatever is killed. May be nil.
	Keep func(Result) error
	// Hide takes secrets out of a text that is kept or shown: why a split is broken, why a record was rejected, that record,
	// its stream, and the names of counters. A stream that it changes the name of is refused. May be nil.
	Hide func(string) string
	// Random returns a number below bound, for the pauses between tries; nil: any. Tests that must repeat give their own.
	Random func(bound int64) int64
	// Step is called at each step whose order matters, by name; nil in normal use. Tests end the process there.
	Step func(name string)
}

// Letters keeps rejected records. Its methods are called like a sink's: Commit never beside Add, but Add
// by several goroutines.
type Letters interface {
	Open(run string, token sdk.Token) error
	Add(l Letter) error
	Commit() (sdk.Token, error)
}

// Letter is one dead letter.
type Letter struct {
	Stage  string
	Split  string
	Stream string
	Reason string
	Record []byte
}

// lettersStage names the dead letters among the stages that have a token.
const lettersStage = "dead letters"

// Result is how a run ended.
type Result struct {
	Run     checkpoint.Run
	Outcome checkpoint.Outcome
	Counts  Counts
	Splits  map[checkpoint.Status]int
	Broken  []checkpoint.Split // the first of those that stayed broken, maxListed at most; without data and cursor
	Skipped []checkpoint.Split // the first of those that were skipped, likewise
	Err     error              // why the outcome is not Complete; nil for a run that was stopped and drained
}

// maxListed bounds how many splits a result names of a kind, and maxListedBytes how long their names and problems may be.
const (
	maxListed      = 50_000
	maxListedBytes = 32 << 20
)

// Pipeline is one run that can be watched.
type Pipeline struct {
	Config
	progress *progress
}

// New prepares a run.
func New(c Config) *Pipeline {
	if c.Logger == nil {
		c.Logger = hclog.NewNullLogger()
	}
	if c.OnEvent == nil {
		c.OnEvent = func(Event) {}
	}
	if c.Keep == nil {
		c.Keep = func(Result) error { return nil }
	}
	if c.Hide == nil {
		c.Hide = func(s string) string { return s }
	}
	if c.ClaimAtOnce == 0 {
		c.ClaimAtOnce = claimAtOnce
	}
	if c.NewQueue == nil {
		c.NewQueue = func(claim Claim) Queue { return newLocalQueue(claim, c.ClaimAtOnce) }
	}
	if c.Step == nil {
		c.Step = func(string) {}
	}
	if c.Random == nil {
		c.Random = rand.Int64N
	}
	if c.GroupMemory == 0 {
		c.GroupMemory = 16 << 20
	}
	return &Pipeline{Config: c, progress: newProgress()}
}

// Snapshot returns how far the run is. It may be called at any time, by any goroutine.
func (p *Pipeline) Snapshot() Snapshot { return p.progress.snapshot() }

// Run runs the pipeline until it is complete, until nothing more can be done, or until ctx ends: then it
// drains and commits what it has. The error is for what kept the run from being begun or ended in the store;
// everything else is in the Result.
func (p *Pipeline) Run(ctx context.Context) (Result, error) {
	run, err := p.Store.Begin(ctx, p.Begin)
	if err != nil {
		return Result{}, err
	}
	p.Step("begun")
	p.event(Event{Kind: RunStarted, Message: run.ID, Resumed: run.Resumed})
	res := Result{Run: run}
	res.Outcome, res.Err = p.attempts(ctx, &res.Run)
	if errors.Is(res.Err, checkpoint.ErrFenced) {
		return res, res.Err
	}
	return p.finish(res)
}

// attempts tries until an attempt ends well or in a way that another would not mend.
func (p *Pipeline) attempts(ctx context.Context, run *checkpoint.Run) (checkpoint.Outcome, error) {
	t, been := p.newTrial(limits{}), map[uint64]bool{}
	for again := false; ; again = true {
		a, err := newAttempt(p, run)
		if err != nil {
			return checkpoint.Failed, err
		}
		a.again = again
		err = a.run(ctx)
		if a.gained.since(been) {
			t.further()
		}
		switch {
		case err == nil:
			return a.outcome(), nil
		case errors.Is(err, errDrain):
			return checkpoint.Interrupted, errDrain
		case ctx.Err() != nil && isCancel(err):
			return checkpoint.Interrupted, nil
		case final(err):
			return checkpoint.Failed, err
		}
		t.limits = p.limitsFor(err)
		delay, over := t.failed(err, true)
		if over != nil {
			return checkpoint.Failed, over
		}
		p.event(Event{Kind: RolledBack, Err: err, Wait: delay})
		if !wait(ctx, delay) {
			return checkpoint.Interrupted, nil
		}
	}
}

// limitsFor returns the limits of the stage that err comes from.
func (p *Pipeline) limitsFor(err error) limits {
	all := map[string]limits{p.Source.Name: p.Source.limits()}
	for _, t := range p.Transforms {
		all[t.Name] = t.limits()
	}
	for _, s := range p.Sinks {
		all[s.Name] = s.limits()
	}
	for stage, l := range all {
		if strings.HasPrefix(err.Error(), stage+": ") {
			return l
		}
	}
	return Stage[sdk.Sink]{}.limits()
}

// final reports whether going back to the last commit cannot mend err.
func final(err error) bool {
	var s *storeError
	var w *waitError
	return sdk.IsPermanent(err) || errors.As(err, &s) || errors.As(err, &w) || errors.Is(err, checkpoint.ErrFenced)
}

// finish ends the run in the store. It has all the time that it takes, and ends the run even if the user has stopped it: its
// end is what the next run goes by, and nothing of it waits for anybody else.
func (p *Pipeline) finish(res Result) (Result, error) {
	ctx := context.Background()
	var err error
	if res.Counts, err = p.progress.kept(res.Run.Stats); err != nil {
		return res, errors.Join(res.Err, err)
	}
	sums, err := p.Store.Sums(ctx, res.Run)
	if err != nil {
		return res, errors.Join(res.Err, err)
	}
	res.Splits = sums.Splits()
	if res.Broken, err = p.list(ctx, res.Run, checkpoint.Broken); err != nil {
		return res, errors.Join(res.Err, err)
	}
	if res.Skipped, err = p.list(ctx, res.Run, checkpoint.Skipped); err != nil {
		return res, errors.Join(res.Err, err)
	}
	if res.Outcome == checkpoint.Incomplete {
		res.Err = &IncompleteError{Count: res.Splits[checkpoint.Broken], Broken: res.Broken}
	}
	held := p.Store.Hold(ctx, res.Run, func() { err = p.Keep(res) }) // or the report is another's
	if err := errors.Join(held, err); err != nil {
		return res, errors.Join(res.Err, err)
	}
	p.Step("finishing")
	end := checkpoint.End{Now: time.Now(), Gaps: len(res.Counts.Section(hint.Missing)) > 0}
	if err := p.Store.Finish(ctx, res.Run, res.Outcome, end); err != nil {
		return res, errors.Join(res.Err, err)
	}
	p.Step("finished")
	p.event(Event{Kind: RunEnded, Message: string(res.Outcome), Err: res.Err})
	return res, nil
}

// list returns the splits of a status, as many as a result names.
func (p *Pipeline) list(ctx context.Context, run checkpoint.Run, status checkpoint.Status) (out []checkpoint.Split, err error) {
	bytes := 0
	for page, err := range checkpoint.EachSplit(ctx, p.Store, run, status) {
		if err != nil {
			return nil, err
		}
		for _, s := range page {
			if bytes += len(s.ID) + len(s.Problem); len(out) == maxListed || len(out) > 0 && bytes > maxListedBytes {
				return out, nil
			}
			s.Data, s.Cursor = nil, nil
			out = append(out, s)
		}
	}
	return out, nil
}

func (p *Pipeline) event(e Event) {
	e.Time = time.Now()
	p.progress.note(e)
	p.OnEvent(e)
}

// storeError is a failure of the state itself: nothing can be committed, so nothing is gained by going on.
type storeError struct{ err error }

func (e *storeError) Error() string { return fmt.Sprintf("state: %v", e.err) }
func (e *storeError) Unwrap() error { return e.err }

// drainTime is how long a stopped run may take to deliver and commit what it has read.
const drainTime = 30 * time.Second

// errDrain ends a run that a plugin keeps from draining.
var errDrain = fmt.Errorf("a plugin kept the run from draining for %s: what was not committed is read again by the next run", drainTime)

func isCancel(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}
