// Package checkpoint keeps the state of a pipeline durably: runs, splits, cursors, tokens. Its
// [Store] is the only authority on what was delivered. Everything else (files, rows) is rolled back
// to it.
package checkpoint

import (
	"context"
	"errors"
	"iter"
	"time"

	"github.com/scrapekit/scrapekit/sdk"
)

// ErrFenced is returned to a coordinator, or to the holder of a seat, that another process has
// replaced.
var ErrFenced = errors.New("another process has taken over")

// ErrChanged is returned by Begin when an unfinished run was planned with other stages or settings.
var ErrChanged = errors.New("the stages or their settings have changed since the unfinished run was planned")

// ErrUnsettled is returned by Finish for a run that is not complete because a process joined a seat
// and has not settled it.
var ErrUnsettled = errors.New("a seat is not settled")

// Store keeps the state of one pipeline. Its methods, and those of the interfaces that it returns,
// may be called by several goroutines at the same time. Each is one transaction: it is complete and
// durable when it returns, or it has no effect.
//
// A run has one [Coordinator] and any number of seats. On a seat, splits are read and delivered;
// its stages have tokens of their own. The process that works on a seat is its holder ([Held]).
type Store interface {
	// Begin makes the caller the coordinator. It fences every earlier coordinator and the holders
	// of all seats: the caller need not wait for leases to end before it resumes, and a new run
	// meets no holder of an old one. A holder that is alive rolls back to its last commit and joins
	// again. Begin resumes the unfinished run, whose broken splits become open again, or starts
	// a new one, whose id must be new. With b.Full, an unfinished run is abandoned and a new one
	// started. Without it, an unfinished full run stays a full run. All seats of a new full run are
	// unsettled: what they hold is to be discarded.
	//
	// It returns ErrChanged, and changes nothing, if the unfinished run was planned with another
	// fingerprint. A run that is not planned yet takes the new fingerprint: nothing was done with
	// the old settings, and a failed first start must not bind the pipeline to them.
	Begin(ctx context.Context, b Begin) (Run, Coordinator, error)
	// Current returns the run that a coordinator has begun and not finished; false: there is none.
	Current(ctx context.Context) (Run, bool, error)
	// Join makes the caller the holder of a seat of the run, and fences the former holder of that
	// seat only. The seat is unsettled from then on. Before anything else, the caller opens its
	// stages with the seat's tokens. [AnySeat] takes the lowest unsettled seat whose holder is
	// gone, or, if there is none, the lowest seat without a holder. The error is ErrFenced if the
	// run has another coordinator by now.
	Join(ctx context.Context, run Run, seat int) (Seat, Held, error)
	View() View
	Admin() Admin
	Close() error
}

// AnySeat lets the store choose the seat.
const AnySeat = -1

// Lease is how long a seat stays its holder's without a renewal, by the store's clock. After that,
// another process may take the seat; until one does, the holder can continue.
const Lease = 30 * time.Second

// Coordinator begins, plans and ends a run. All its methods return ErrFenced if the run has another
// coordinator by now, or has ended.
type Coordinator interface {
	// Plan stores the splits of a run, once. It fails if the run is planned already, and with a
	// permanent error if an id is empty or not unique. The splits come in pages. If a page is an
	// error, Plan returns it and stores nothing. The run is locked from the first page on: work
	// before it may use the store, but computing the pages must not.
	Plan(ctx context.Context, pages iter.Seq2[[]sdk.Split, error]) error
	// Hold calls f while no other process can take over the run; one that tries waits some seconds.
	// It is for effects that cannot be undone. The context of f is cancelled if the run is lost all
	// the same. f must not use the store. Hold does not call f if the run is lost already.
	Hold(ctx context.Context, f func(ctx context.Context)) error
	// Finish ends the run and releases it. If outcome is Complete, its done splits become the
	// previous splits of the next plan: each replaces the one with the same id; after a full run
	// they replace all. It fails if a split is neither done nor skipped, and with ErrUnsettled if
	// a seat is not settled. With Incomplete, Interrupted and Failed, the run stays unfinished and the next Begin
	// resumes it.
	Finish(ctx context.Context, outcome Outcome, end End) error
}

// Held is a seat in the hands of its holder. All methods except Leave renew the lease. They return
// ErrFenced if the seat has another holder by now, or the run has another coordinator or none.
type Held interface {
	// Claim takes open splits without a holder, in their order, and starts again at the end: at
	// most n, fewer if they are large, none if there are none. It raises the epoch of each, so that
	// commits of an earlier claim are refused, and returns them as last committed. A claim survives
	// a crash of the process. A power failure may undo it, but then no holder is left either.
	//
	// The first claim of a holder releases what former holders of the seat had claimed. With it the
	// caller confirms that its stages are open and rolled back to the seat's tokens.
	Claim(ctx context.Context, n int) ([]Split, error)
	// Commit stores one commit of the pipeline, and returns those of c.New that the run did not
	// know. It returns ErrFenced and stores nothing if this seat does not hold one of the splits:
	// it was never claimed, was claimed by others since, or is done or skipped. A new split without
	// an id is a permanent error, and nothing is stored.
	Commit(ctx context.Context, c Commit) (added []sdk.Split, err error)
	// Hold is like that of [Coordinator], for a seat: no other process can take it while f runs. It
	// is for opening and committing sinks.
	Hold(ctx context.Context, f func(ctx context.Context)) error
	// Renew renews the lease.
	Renew(ctx context.Context) error
	// Leave gives up the seat and settles it: its stages were opened, and everything that they hold
	// is committed. It releases the splits that the seat holds.
	Leave(ctx context.Context) error
}

// View reads the state. It changes nothing and needs no seat.
type View interface {
	// Runs returns at most n runs, newest first.
	Runs(ctx context.Context, n int) ([]RunInfo, error)
	// Seats returns all seats that were ever joined, by number.
	Seats(ctx context.Context) ([]SeatInfo, error)
	// Splits returns a page of the run's splits in the order in which they were planned or added. A
	// complete or abandoned run has none. See [EachSplit].
	Splits(ctx context.Context, run string, q Query) ([]Split, error)
	// Sums returns the sums over the run's splits by stream, in the order of each stream's first
	// split. They are updated with each split, so the call takes constant time. A complete or
	// abandoned run has none.
	Sums(ctx context.Context, run string) (Sums, error)
	// Previous returns done splits of complete runs with their last cursors, each id once, ordered
	// by id: at most n with an id after the given one ("": from the first), fewer if they are
	// large. See [EachPrevious].
	Previous(ctx context.Context, after string, n int) ([]sdk.Split, error)
	// CountPrevious returns the number of previous splits.
	CountPrevious(ctx context.Context) (int, error)
}

// Admin changes the state by hand.
type Admin interface {
	// Prune forgets all runs except the newest n. An unfinished run stays, as do previous splits
	// and tokens. It returns the number of forgotten runs.
	Prune(ctx context.Context, n int) (int, error)
	// Compact returns free space in the store to the disk. It may take as long as copying the
	// store.
	Compact(ctx context.Context) error
	// Reset forgets everything except the pipeline's identity. The next run is the first.
	Reset(ctx context.Context) error
	// Forget removes a previous split, and reopens the split with that id of the unfinished run at
	// its beginning, so that it is read again. It fences the holder of the split. It reports
	// whether there was such a split.
	Forget(ctx context.Context, id string) (bool, error)
	// GiveUp sets an open or broken split of the unfinished run to done, with its last committed
	// cursor: delivered records stay, the rest is not read. It fences the holder of the split. It
	// reports whether there was such a split.
	GiveUp(ctx context.Context, id string) (bool, error)
}

// Begin has the parameters of a run's beginning.
type Begin struct {
	ID          string    // of a new run
	Now         time.Time // time of the start
	Full        bool      // start over
	Fingerprint string    // hash of what the plan depends on: the source and its settings
}

// Run is a run under way. Seats are joined with it.
type Run struct {
	Pipeline string // identity of the pipeline, made by the first Begin and never changed
	ID       string
	Epoch    int64     // of the coordinator
	Started  time.Time // time of the first start
	Full     bool
	Planned  bool   // Plan has succeeded
	Resumed  bool   // this is not the first start
	Stats    []byte // sum of all commits; nil before the first
}

// Seat is a seat as its new holder finds it.
type Seat struct {
	Run    Run              // in its current state
	N      int              // from 0
	Epoch  int64            // of this holder: higher than those of all earlier holders and coordinators
	Tokens map[string]Token // the last committed one of each stage, of this or an earlier run
}

// SeatInfo describes a seat.
type SeatInfo struct {
	N       int
	Free    bool             // without a holder, or its lease has expired
	Settled bool             // the last holder left it
	Tokens  map[string]Token // by stage
}

// Outcome says how a run ended.
type Outcome string

// The outcomes. The next run resumes any but Complete and Abandoned.
const (
	Complete    Outcome = "complete"    // every split is done
	Incomplete  Outcome = "incomplete"  // some splits stayed broken
	Interrupted Outcome = "interrupted" // stopped by the user
	Failed      Outcome = "failed"      // stopped by an error
	Abandoned   Outcome = "abandoned"   // replaced by a full run
	Running     Outcome = "running"     // not ended, or killed
)

// End describes the end of a run beside its outcome.
type End struct {
	Now  time.Time // time of the end; raised to the start if the clock was set back
	Gaps bool      // the source left out parts although all splits are done
}

// Status is the status of a split.
type Status string

// The statuses.
const (
	Open    Status = "open"
	Done    Status = "done"
	Broken  Status = "broken"
	Skipped Status = "skipped" // not to be read; nothing is missing
)

// Split is a split with its state.
type Split struct {
	sdk.Split       // with the committed cursor
	Place     int64 // position among the splits of the run; later ones have greater ones
	Epoch     int64 // of its latest claim
	Seat      int   // the holder; [AnySeat]: none
	Status    Status
	Records   int64  // delivered so far
	Problem   string // why it is broken or skipped
}

// Query selects the splits of a page.
type Query struct {
	Status Status // "": any
	Free   bool   // only those without a holder
	After  int64  // only places after this one; 0: from the beginning
	N      int    // at most; fewer if they are large
}

// Commit is one commit of the pipeline, stored completely or not at all.
type Commit struct {
	Splits []Progress
	Tokens map[string]sdk.Token // by stage; other stages keep theirs
	New    []sdk.Split          // those with an id that the run knows already are ignored
	// Stats are added to those of the run. They are JSON objects of numbers and objects. A missing
	// number counts as 0. nil adds nothing.
	Stats []byte
}

// Progress is the new state of one split in a commit.
type Progress struct {
	ID      string
	Epoch   int64
	Cursor  []byte
	Status  Status
	Records int64 // delivered so far
	Problem string
}

// Token is a committed token with the run that committed it.
type Token struct {
	Run   string
	Token sdk.Token
}

// RunInfo describes a run.
type RunInfo struct {
	ID      string
	Started time.Time
	Ended   time.Time // zero while running or after a kill
	Outcome Outcome
	Full    bool
	Starts  int  // how often the run was started
	Gaps    bool // see [End]
	Splits  map[Status]int
}

// Sum is the progress of the splits of one stream.
type Sum struct {
	Stream                      string
	Open, Done, Broken, Skipped int
	Records                     int64 // delivered
	// Expected is the number of records that the splits have in total: what was delivered of an
	// ended split, and at least the estimate of another one.
	Expected int64
	Unknown  int // splits that are not ended and have no estimate
}

// Sums are the sums of a run, in the order of each stream's first split.
type Sums []Sum
