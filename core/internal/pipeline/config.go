// Config: the parts of a run, and the pipeline that is made from them.

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

// Config holds the parts of one run.
type Config struct {
	Source     Stage[sdk.Source]
	Transforms []Stage[sdk.Transform]
	Sinks      []Stage[sdk.Sink]
	Store      checkpoint.Store
	Letters    Letters

	Begin       checkpoint.Begin // the run to begin, see [Pipeline.Run]
	Concurrency int              // splits read in parallel
	CommitEvery time.Duration    // the longest time between two commits
	CommitBytes int64            // commit earlier after this many bytes of payload
	SpoolDir    string           // folder for groups that are too large for memory
	SpoolRoom   *disk.Room       // disk space for them; nil: unlimited
	GroupMemory int              // bytes of a group that are held in memory; 0: 16 MiB
	ClaimAtOnce int              // splits claimed in one transaction; 0: 64

	Logger    hclog.Logger
	Listeners observe.Listeners
	// Keep receives the result before the store records the end of the run, so that every ended run
	// has its report, even after a kill. May be nil.
	Keep func(Result) error
	// Hide removes secrets from texts that are kept or shown: the reason why a split is broken or a
	// record is rejected, the rejected record, its stream, and names of counters. A stream whose
	// name it changes is an error. May be nil.
	Hide func(string) string
	// Random returns a number below bound, for the pauses between tries; nil: math/rand. Tests that
	// must repeat set it.
	Random func(bound int64) int64
	// Step is called by name at each step whose order matters; nil in normal use. Tests end the
	// process in it.
	Step func(name string)
}

// Letters keeps rejected records. It belongs to one seat. Add may be called by several goroutines
// at the same time, but not during Commit.
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

// lettersStage is the name under which the token of the dead letters is kept.
const lettersStage = "dead letters"

// Result says how a run ended.
type Result struct {
	Run     checkpoint.Run
	Outcome checkpoint.Outcome
	Counts  Counts
	Splits  map[checkpoint.Status]int
	Broken  []checkpoint.Split // the first broken splits, at most maxListed, without data and cursor
	Skipped []checkpoint.Split // the first skipped splits, likewise
	Err     error              // why the outcome is not Complete; nil if the run was stopped and drained
}

// Pipeline is one run, or one process's part in it. Its progress can be watched.
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

// claimAtOnce is the default of Config.ClaimAtOnce. Each claim is a transaction.
const claimAtOnce = 64

// Snapshot returns the progress of the run. Any goroutine may call it at any time.
func (p *Pipeline) Snapshot() Snapshot { return p.progress.snapshot() }

// storeError is a failure of the store. Nothing can be committed then, so the run ends.
type storeError struct{ err error }

func (e *storeError) Error() string { return fmt.Sprintf("state: %v", e.err) }
func (e *storeError) Unwrap() error { return e.err }
