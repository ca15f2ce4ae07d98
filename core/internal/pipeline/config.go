// Config: what a run is made of, and the pipeline that is made of it.

package pipeline

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/scrapekit/scrapekit/core/internal/checkpoint"
	"github.com/scrapekit/scrapekit/core/internal/disk"
	"github.com/scrapekit/scrapekit/core/observe"
	"github.com/scrapekit/scrapekit/sdk"
)

// Config is what one run is made of.
type Config struct {
	Source     Stage[sdk.Source]
	Transforms []Stage[sdk.Transform]
	Sinks      []Stage[sdk.Sink]
	Store      checkpoint.Store
	Letters    Letters

	Begin       checkpoint.Begin // of a run that is begun here, see [Pipeline.Run]
	Concurrency int              // splits read at once
	CommitEvery time.Duration    // the longest time between two commits
	CommitBytes int64            // a commit comes earlier after that much payload
	SpoolDir    string           // for groups that are too large for memory
	SpoolRoom   *disk.Room       // for them; nil: any
	GroupMemory int              // bytes of a group that are held in memory; 0: 16 MiB
	ClaimAtOnce int              // splits claimed at once; 0: 64

	Logger    hclog.Logger
	Listeners observe.Listeners
	// Keep is given the result before the store is told that the run has ended, so that no ended
	// run lacks its report, whatever is killed. May be nil.
	Keep func(Result) error
	// Hide takes secrets out of a text that is kept or shown: why a split is broken, why a record
	// was rejected, that record, its stream, and the names of counters. A stream that it changes
	// the name of is refused. May be nil.
	Hide func(string) string
	// Random returns a number below bound, for the pauses between tries; nil: any. Tests that must
	// repeat give their own.
	Random func(bound int64) int64
	// Step is called at each step whose order matters, by name; nil in normal use. Tests end the
	// process there.
	Step func(name string)
}

// Letters keeps rejected records. They belong to a seat, and its methods are called like a sink's:
// Commit never beside Add, but Add by several goroutines.
type Letters interface {
	Open(run string, seat int, token sdk.Token) error
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

// Pipeline is one run, or a part in one, that can be watched.
type Pipeline struct {
	Config
	progress *progress
}

// New prepares a run.
func New(c Config) *Pipeline {
	if c.Logger == nil {
		c.Logger = hclog.NewNullLogger()
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

// claimAtOnce is how many splits are claimed at once. Each claim is a transaction.
const claimAtOnce = 64

// Snapshot returns how far the run is. It may be called at any time, by any goroutine.
func (p *Pipeline) Snapshot() Snapshot { return p.progress.snapshot() }

// storeError is a failure of the state itself: nothing can be committed, so nothing is gained by
// going on.
type storeError struct{ err error }

func (e *storeError) Error() string { return fmt.Sprintf("state: %v", e.err) }
func (e *storeError) Unwrap() error { return e.err }
