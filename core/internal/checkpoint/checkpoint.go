// Package checkpoint keeps the state of a pipeline durably: runs, splits, cursors, tokens. Its
// [Store] is the only truth about what was delivered; everything else (files, rows) is brought back
// to what it says.
package checkpoint

import (
	"context"
	"errors"
	"iter"
	"time"

	"github.com/scrapekit/scrapekit/sdk"
)

// ErrFenced is returned to a coordinator, or the holder of a seat, in whose place another has come.
var ErrFenced = errors.New("another process has taken over")

// ErrChanged is returned by Begin when an unfinished run was planned with other stages or settings.
var ErrChanged = errors.New("the stages or their settings have changed since the unfinished run was planned")

// Store keeps the state of one pipeline. Its methods, and those of the interfaces that it hands
// out, may be called by several goroutines at once. Each is one transaction: it happens whole and
// is durable when it returns, or it does not happen.
//
// A run has one [Coordinator] and any number of seats. A seat is a place where splits are read and
// delivered: its stages have tokens of their own. Whoever sits there is its holder ([Held]).
type Store interface {
	// Begin makes the caller the coordinator, and fences every earlier one with the holders of all
	// seats. It goes on with the unfinished run, where broken splits become open again, or starts a
	// new one, whose id must be new. With b.Full an unfinished run is abandoned and a new one
	// started; without it an unfinished full run stays one. All seats of a new full run are
	// unsettled: what they hold is to be discarded.
	//
	// It returns ErrChanged, and changes nothing, when the unfinished run was planned with another
	// fingerprint. One that is not planned takes the new fingerprint: nothing was done with the old
	// settings yet, and a first start that failed must not hold the pipeline to them.
	Begin(ctx context.Context, b Begin) (Run, Coordinator, error)
	// Current returns the run that a coordinator has begun and not finished; false: there is none.
	Current(ctx context.Context) (Run, bool, error)
	// Join makes the caller the holder of a seat of the run, and fences the former holder of that
	// seat and nobody else. The seat is unsettled from then on. The caller opens its stages with
	// the seat's tokens before anything else. [AnySeat] is the lowest one whose holder is gone and
	// which is not settled; if there is none, the lowest that nobody holds. ErrFenced if the run
	// has another coordinator by now.
	Join(ctx context.Context, run Run, seat int) (Seat, Held, error)
	View() View
	Admin() Admin
	Close() error
}

// AnySeat lets the store choose the seat.
const AnySeat = -1

// Lease is for how long a seat is its holder's without a word of it, by the store's clock.
// Afterwards another may take the seat; until one does, the holder can go on.
const Lease = 30 * time.Second

// Coordinator begins, plans and ends a run. All its methods return ErrFenced if the run has another
// coordinator by now, or has ended.
type Coordinator interface {
	// Plan stores the splits of a run, once: it fails if the run is planned already, and with a
	// permanent error if an id is empty or comes twice. They come in pages; an error that comes in
	// the place of one is returned, and then nothing is kept. The run is locked from the first page
	// on: what comes before that may use the store, the pages themselves must not.
	Plan(ctx context.Context, pages iter.Seq2[[]sdk.Split, error]) error
	// Hold calls f while nobody can take the run over: who tries waits, for some seconds. It is for
	// what cannot be taken back. The context that f is given ends when the run is lost all the
	// same. f must not use the store, and is not called if the run is not held any more.
	Hold(ctx context.Context, f func(ctx context.Context)) error
	// Finish ends the run, which nobody holds then. If outcome is Complete, its done splits become
	// the previous ones of the next plan: each replaces the one of the same id; after a full run
	// they replace all. It fails if one of them is neither done nor skipped, or if a seat is not
	// settled. With Incomplete, Interrupted and Failed the run stays unfinished and the next Begin
	// goes on with it.
	Finish(ctx context.Context, outcome Outcome, end End) error
}

// Held is a seat that somebody sits on. Its methods, but for Leave, renew the lease. They return
// ErrFenced if the seat has another holder by now, or the run another coordinator, or none.
type Held interface {
	// Claim takes open splits that nobody holds, in their order, beginning again when it has come
	// to the end: at most n, fewer if they are large; none if there are none. It raises the epoch
	// of each, so that commits of an earlier claim are refused, and returns them as last committed.
	// A claim is kept whatever happens to the process; a power failure may take it away, and with
	// it everybody who could have held one.
	//
	// The first claim of a holder gives back what former holders of the seat held: by it the caller
	// says that its stages are open, and have gone back to the seat's tokens.
	Claim(ctx context.Context, n int) ([]Split, error)
	// Commit keeps what a commit of the pipeline stands for. ErrFenced, and nothing is kept, also
	// if one of the splits is not held by this seat any more; one that was never claimed is not,
	// and one that is done or skipped is not held by anybody. A new split without an id is a
	// permanent error, and nothing is kept. It returns those of c.New that the run did not know.
	Commit(ctx context.Context, c Commit) (added []sdk.Split, err error)
	// Hold is that of [Coordinator] for a seat: nobody takes the seat meanwhile. It is for a sink
	// that is opened, or one that commits.
	Hold(ctx context.Context, f func(ctx context.Context)) error
	// Renew says that the holder is still there.
	Renew(ctx context.Context) error
	// Leave gives the seat up, settled: its stages were opened, and all that they hold is
	// committed. It gives back the splits that the seat holds.
	Leave(ctx context.Context) error
}

// View is for looking: it changes nothing, and nothing need be held.
type View interface {
	// Runs returns the newest runs first, at most n.
	Runs(ctx context.Context, n int) ([]RunInfo, error)
	// Seats returns all seats that were ever joined, by number.
	Seats(ctx context.Context) ([]SeatInfo, error)
	// Splits returns a page of the run's splits in the order in which they were planned or added. A
	// run that is complete or abandoned has none any more. See [EachSplit].
	Splits(ctx context.Context, run string, q Query) ([]Split, error)
	// Sums returns what the run's splits come to, by stream, in the order of each stream's first
	// split. They are kept as splits change: asking costs the same however many there are. A run
	// that is complete or abandoned has none.
	Sums(ctx context.Context, run string) (Sums, error)
	// Previous returns the next done splits of complete runs, each id once, with their last
	// cursors, ordered by id: at most n of those behind the id after, "" being before the first;
	// fewer if they are large. See [EachPrevious].
	Previous(ctx context.Context, after string, n int) ([]sdk.Split, error)
	// CountPrevious returns how many there are.
	CountPrevious(ctx context.Context) (int, error)
}

// Admin is for changes by hand.
type Admin interface {
	// Prune forgets all runs but the newest n. A run that is not finished stays, and so do previous
	// splits and tokens. It returns how many it has forgotten.
	Prune(ctx context.Context, n int) (int, error)
	// Compact gives the room that is free in the store back to the disk. It may take as long as
	// copying the store does.
	Compact(ctx context.Context) error
	// Reset forgets everything but the pipeline's identity: the next run is the first.
	Reset(ctx context.Context) error
	// Forget removes one previous split, and opens the split of that id of the unfinished run from
	// its beginning, so that it is read anew. Who has claimed it is fenced. It reports whether
	// there was one.
	Forget(ctx context.Context, id string) (bool, error)
	// GiveUp makes one open or broken split of the unfinished run done, with its last committed
	// cursor: what was delivered of it stays, the rest is not read. Who has claimed it is fenced.
	// It reports whether there was one.
	GiveUp(ctx context.Context, id string) (bool, error)
}

// Begin is what a run begins with.
type Begin struct {
	ID          string    // for a new run
	Now         time.Time // when it starts
	Full        bool      // start over
	Fingerprint string    // of what the plan depends on: the source and its settings
}

// Run is a run under way. With it a seat is joined.
type Run struct {
	Pipeline string // identifies the pipeline whose state this is; made by the first Begin, and never changed
	ID       string
	Epoch    int64     // of the coordinator
	Started  time.Time // first start
	Full     bool
	Planned  bool   // Plan was done
	Resumed  bool   // this is not the first start
	Stats    []byte // what the commits so far have added up to; nil at first
}

// Seat is a seat as its holder finds it.
type Seat struct {
	Run    Run              // as it is now
	N      int              // from 0
	Epoch  int64            // of this holder: higher than that of any holder, and of any coordinator, before
	Tokens map[string]Token // the last committed one of each stage, in this run or an earlier one
}

// SeatInfo is a seat for those who look.
type SeatInfo struct {
	N       int
	Free    bool             // nobody holds it, or the holder's lease has run out
	Settled bool             // the last holder has left it
	Tokens  map[string]Token // by stage
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
	Seat      int   // that holds it; [AnySeat]: none does
	Status    Status
	Records   int64  // delivered so far
	Problem   string // of a broken or skipped one: why
}

// Query says which splits a page holds.
type Query struct {
	Status Status // "": any
	Free   bool   // those alone that no seat holds
	After  int64  // those behind this place; 0: from the beginning
	N      int    // at most; fewer come if they are large
}

// Commit is what one commit of the pipeline keeps, all or nothing.
type Commit struct {
	Splits []Progress
	Tokens map[string]sdk.Token // by stage; stages that are not named keep theirs
	New    []sdk.Split          // those whose id the run knows already are dropped
	// Stats are added to those of the run: JSON, of which the store knows that there are numbers in
	// objects. Numbers that are not there count from 0. nil adds nothing.
	Stats []byte
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
