// Package checkpoint keeps the state of a pipeline durably: runs, splits, cursors, tokens. Its [Store] is
// the only truth about what was delivered; everything else (files, rows) is brought back to what it says.
package checkpoint

import (
	"context"
	"errors"
	"iter"
	"time"

	"github.com/scrapekit/scrapekit/sdk"
)

// ErrFenced is returned to a holder whose run, or whose claim on a split, was taken over by another.
var ErrFenced = errors.New("another process has taken over")

// ErrChanged is returned by Begin when an unfinished run was planned with other stages or settings.
var ErrChanged = errors.New("the stages or their settings have changed since the unfinished run was planned")

// Store keeps the state of one pipeline. Its methods may be called by several goroutines at once; each is
// one transaction: it happens whole and is durable when it returns, or it does not happen.
type Store interface {
	// Begin takes the pipeline over and fences every earlier holder. It goes on with the unfinished run,
	// where broken splits become open again, or starts a new one, whose id must be new. With b.Full an
	// unfinished run is abandoned and a new one started; without it an unfinished full run stays one. It
	// returns ErrChanged, and changes nothing, when the unfinished run was planned with another fingerprint. One
	// that is not planned takes the new fingerprint: nothing was done with the old settings yet, and a first start
	// that failed must not hold the pipeline to them.
	Begin(ctx context.Context, b Begin) (Run, error)
	// Join raises the holder's epoch and returns the run with it: what the holder itself did under the former epoch is fenced. It is
	// for an attempt that starts its stages anew, whose predecessors may live on somewhere. ErrFenced as below.
	Join(ctx context.Context, run Run) (Run, error)
	// Plan stores the splits of a run, once: it fails if the run is planned already, and with a permanent error if
	// an id is empty or comes twice. They come in pages; an error that comes in the place of one is returned, and then
	// nothing is kept. The run is locked from the first page on: what comes before that may use the store, the pages
	// themselves must not. ErrFenced if the run is not held any more.
	Plan(ctx context.Context, run Run, pages iter.Seq2[[]sdk.Split, error]) error
	// Splits returns a page of the run's splits in the order in which they were planned or added. The run need not be
	// held: looking changes nothing. A run that is complete or abandoned has none any more. See [EachSplit].
	Splits(ctx context.Context, run Run, q Query) ([]Split, error)
	// Sums returns what the run's splits come to, by stream, in the order of each stream's first split. They are kept
	// as splits change: asking costs the same however many there are. A run that is complete or abandoned has none.
	Sums(ctx context.Context, run Run) (Sums, error)
	// Claim takes the next open splits to work on, in their order: at most n of those behind the place after, 0 being the
	// beginning; fewer if they are large; none if there are none. It raises the epoch of each, so that commits of an
	// earlier claim are refused, and returns them as last committed. ErrFenced as above. A claim is kept whatever happens
	// to the process; a power failure may take it away, and with it everybody who could have held one.
	Claim(ctx context.Context, run Run, after int64, n int) ([]Split, error)
	// Commit keeps what a commit of the pipeline stands for. ErrFenced, and nothing is kept, if the run or any of
	// the splits is not held any more; a split that was never claimed is not held. A new split without an id is
	// a permanent error, and nothing is kept. It returns those of c.New that the run did not know.
	Commit(ctx context.Context, run Run, c Commit) (added []sdk.Split, err error)
	// Hold calls f while nobody can take the run over: who tries waits, for some seconds. It is for what cannot be taken back:
	// a sink that is opened, one that commits. f must not use the store. ErrFenced, and f is not called, if the run is not held any more.
	Hold(ctx context.Context, run Run, f func()) error
	// Finish ends the run, which nobody holds then. If outcome is Complete, its done splits become the previous
	// ones of the next plan: each replaces the one of the same id; after a full run they replace all. It
	// fails if one of them is neither done nor skipped. With Incomplete, Interrupted and Failed the run stays unfinished and
	// the next Begin goes on with it.
	Finish(ctx context.Context, run Run, outcome Outcome, end End) error
	// Previous returns the next done splits of complete runs, each id once, with their last cursors, ordered by id: at
	// most n of those behind the id after, "" being before the first; fewer if they are large. See [EachPrevious].
	Previous(ctx context.Context, after string, n int) ([]sdk.Split, error)
	// CountPrevious returns how many there are.
	CountPrevious(ctx context.Context) (int, error)
	// Tokens returns the last committed token of each stage.
	Tokens(ctx context.Context) (map[string]Token, error)
	// Runs returns the newest runs first, at most n.
	Runs(ctx context.Context, n int) ([]RunInfo, error)
	// Prune forgets all runs but the newest n. A run that is not finished stays, and so do previous splits and tokens. It
	// returns how many it has forgotten.
	Prune(ctx context.Context, n int) (int, error)
	// Compact gives the room that is free in the store back to the disk. It may take as long as copying the store does.
	Compact(ctx context.Context) error
	// Reset forgets everything but the pipeline's identity: the next run is the first.
	Reset(ctx context.Context) error
	// Forget removes one previous split, and opens the split of that id of the unfinished run from its
	// beginning, so that it is read anew. Who has claimed it is fenced. It reports whether there was one.
	Forget(ctx context.Context, id string) (bool, error)
	// GiveUp makes one open or broken split of the unfinished run done, with its last committed cursor: what was
	// delivered of it stays, the rest is not read. Who has claimed it is fenced. It reports whether there was one.
	GiveUp(ctx context.Context, id string) (bool, error)
	Close() error
}

// Begin is what a run begins with.
type Begin struct {
	ID          string    // for a new run
	Now         time.Time // when it starts
	Full        bool      // start over
	Fingerprint string    // of what the plan depends on: the source and its settings
}

// Run is a held run.
type Run struct {
	Pipeline string // identifies the pipeline whose state this is; made by the first Begin, and never changed
	ID       string
	Epoch    int64     // of this holder
	Started  time.Time // first start
	Full     bool
	Planned  bool   // Plan was done
	Resumed  bool   // this is not the first start
	Stats    []byte // of the last commit; nil at first
}

// Outcome says how a run ended.
type Outcome string

// The outcomes. Anything but Complete is gone on with by the next run.
const (
	Complete    Outcome = "complete"    // every split is done
	Incomplete  Outcome = "incomplete"  // some splits stayed broken
	Interrupted Outcome = "interrupted" // stopped by the user
	Failed      Outcome = "failed"      // stopped by an error
	Abandoned   Outcome = "abandoned"   // given up for a full run
	Running     Outcome = "running"     // not ended, or killed
)

// End is what there is to say of a run's end beside its outcome.
type End struct {
	Now  time.Time // when it ended; a clock that was set back does not make it end before it started
	Gaps bool      // the source has gone on without parts, though all splits are done
}

// Status says how far a split is.
type Status string

// The statuses.
const (
	Open    Status = "open"
	Done    Status = "done"
	Broken  Status = "broken"
	Skipped Status = "skipped" // it is not to be read, and nothing is missing for it
)

// Split is a split with its state.
type Split struct {
	sdk.Split       // with the committed cursor
	Place     int64 // among the splits of the run: one that was planned or added later has a greater one
	Epoch     int64 // of its newest claim
	Status    Status
	Records   int64  // delivered so far
	Problem   string // of a broken or skipped one: why
}

// Query says which splits a page holds.
type Query struct {
	Status Status // "": any
	After  int64  // those behind this place; 0: from the beginning
	N      int    // at most; fewer come if they are large
}

// Commit is what one commit of the pipeline keeps, all or nothing.
type Commit struct {
	Splits []Progress
	Tokens map[string]sdk.Token // by stage; stages that are not named keep theirs
	New    []sdk.Split          // those whose id the run knows already are dropped
	Stats  []byte               // the run's counters, opaque; nil leaves them as they are
}

// Progress is what a commit keeps of one split.
type Progress struct {
	ID      string
	Epoch   int64
	Cursor  []byte
	Status  Status
	Records int64 // delivered so far
	Problem string
}

// Token is a committed token and the run that committed it.
type Token struct {
	Run   string
	Token sdk.Token
}

// RunInfo is a run for display.
type RunInfo struct {
	ID      string
	Started time.Time
	Ended   time.Time // zero while running or after a kill
	Outcome Outcome
	Full    bool
	Starts  int  // how often it was started
	Gaps    bool // see [End]
	Splits  map[Status]int
}
