// Stages: plugins that can be started, and started again.

package pipeline

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/scrapekit/scrapekit/sdk"
)

// Stage is a place in the pipeline and the plugin that stands there.
type Stage[P any] struct {
	Name       string   // "transform llm": unique, used in messages and as the key of its token
	Streams    []string // those that it is for; nil or "*": all. Others pass a transform untouched and do not reach a sink.
	MaxRejects int64    // more rejected records than that end the run; negative: no limit
	Foreign    bool     // the plugin is somebody else's: it is looked whether its records are JSON
	// Attempts bounds what is tried in vain: for a source the tries of its plan and of a split without progress, for a
	// transform or a sink how often in a row the run goes back to the last commit because of it. 0: 5.
	Attempts int
	// Patience is for how long that is tried at least, however many attempts it takes. 0: no time if Attempts is set, or for
	// a source that asks over HTTP, where the host itself tries again; else 30 s.
	Patience time.Duration
	Connects bool // the plugin makes connections of its own, to a database say
	// MaxWait is the longest wait that an error may ask for, alone or with those before it since the last progress. What is
	// longer ends the split, or the run. 0: 15 min.
	MaxWait time.Duration
	// MaxIdle is how many groups in a row may bring no new record before a split is taken to have no end. 0: 10,000;
	// negative: any number. For a source.
	MaxIdle int
	Dir     string // its private folder, see [sdk.Start]; "": it has none
	Start   func(ctx context.Context) (Instance[P], error)
}

// Takes reports whether the stage is for a stream.
func (s Stage[P]) Takes(stream string) bool {
	return s.Streams == nil || slices.Contains(s.Streams, everyStream) || slices.Contains(s.Streams, stream)
}

// everyStream selects all streams, a source's optional ones too.
const everyStream = "*"

// Reads reports whether a source is to read one of its streams: an optional one only where it is selected.
func Reads(source Stage[sdk.Source], s sdk.Stream) bool {
	return source.Takes(s.Name) && (source.Streams != nil || !s.Optional)
}

// Instance is a started plugin. What it can do beside what all can is said by AbilitiesOf of sdk/host.
type Instance[P any] struct {
	Plugin P
	Check  func(ctx context.Context) error // nil: nothing to check
	Exited <-chan struct{}                 // closed when the plugin is gone; nil: it cannot be
	Stop   func(ctx context.Context) error
}

// StageError names the stage at which something went wrong.
type StageError struct {
	Stage string
	Split string
	Err   error
}

func (e *StageError) Error() string {
	if e.Split != "" {
		return fmt.Sprintf("%s: %s: %v", e.Stage, e.Split, e.Err)
	}
	return fmt.Sprintf("%s: %v", e.Stage, e.Err)
}

func (e *StageError) Unwrap() error { return e.Err }

// at names the stage, once: the report of a plugin's death has its name in it already.
func at(stage string, err error) error {
	var named *StageError
	if err == nil || errors.As(err, &named) || strings.HasPrefix(err.Error(), stage+": ") {
		return err
	}
	return &StageError{Stage: stage, Err: err}
}

// liveSource is the source while it runs: when its process dies, the first to notice starts another.
type liveSource struct {
	stage   Stage[sdk.Source]
	onLost  func(error) // told of each death once
	backoff func(n int) time.Duration

	turn     turn // held while it is started anew; guards instance
	instance Instance[sdk.Source]

	mu      sync.Mutex
	crashes int   // since the last progress
	lost    error // what the last death looked like
}

func newLiveSource(p *Pipeline) *liveSource {
	return &liveSource{stage: p.Source, backoff: p.backoff, turn: newTurn(), onLost: func(err error) {
		p.event(Event{Kind: PluginLost, Stage: p.Source.Name, Err: err})
	}}
}

func (l *liveSource) start(ctx context.Context) error {
	inst, err := l.stage.Start(ctx)
	if err != nil {
		return at(l.stage.Name, err)
	}
	l.instance = inst
	return nil
}

// get returns a source that runs, started anew if the last one died.
func (l *liveSource) get(ctx context.Context) (sdk.Source, error) {
	if err := l.turn.take(ctx); err != nil {
		return nil, err
	}
	defer l.turn.give()
	if !closed(l.instance.Exited) {
		return l.instance.Plugin, nil
	}
	crashes, lost := l.crashed()
	l.onLost(lost)
	if crashes > 1 && !wait(ctx, l.backoff(crashes-1)) {
		return nil, ctx.Err()
	}
	_ = l.instance.Stop(ctx) // it is dead: how it ends now says nothing
	if err := l.start(ctx); err != nil {
		return nil, err
	}
	return l.instance.Plugin, nil
}

// crashed counts a death, and returns what it looked like.
func (l *liveSource) crashed() (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.crashes++
	return l.crashes, l.lost
}

// died notes how a read saw the process die.
func (l *liveSource) died(err error) {
	l.mu.Lock()
	l.lost = err
	l.mu.Unlock()
}

func (l *liveSource) progressed() {
	l.mu.Lock()
	l.crashes = 0
	l.mu.Unlock()
}

// stop ends the source. Nobody reads any more.
func (l *liveSource) stop(ctx context.Context) error {
	if l.instance.Stop == nil {
		return nil
	}
	return l.instance.Stop(ctx)
}

func closed(c <-chan struct{}) bool {
	if c == nil {
		return false
	}
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// stopTime is how long a plugin may take to close what it holds.
const stopTime = 10 * time.Second
