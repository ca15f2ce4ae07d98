// Stages: plugins that can be started, and started again.

package pipeline

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/scrapekit/scrapekit/sdk"
)

// Stage is a place in the pipeline and the plugin that stands there.
type Stage[P any] struct {
	Name string // "transform llm": unique, used in messages and as the key of its token
	// those that it is for; nil or "*": all. Others pass a transform untouched and do not reach a
	// sink.
	Streams    []string
	MaxRejects int64 // more rejected records than that end the run; negative: no limit
	Foreign    bool  // the plugin is somebody else's: it is looked whether its records are JSON
	// Attempts bounds what is tried in vain: for a source the tries of its plan and of a split
	// without progress, for a transform or a sink how often in a row the run goes back to the last
	// commit because of it. 0: 5.
	Attempts int
	// Patience is for how long that is tried at least, however many attempts it takes. 0: no time
	// if Attempts is set, or for a source that asks over HTTP, where the host itself tries again;
	// else 30 s.
	Patience time.Duration
	Connects bool // the plugin makes connections of its own, to a database say
	// MaxWait is the longest wait that an error may ask for, alone or with those before it since
	// the last progress. What is longer ends the split, or the run. 0: 15 min.
	MaxWait time.Duration
	// MaxIdle is how many groups in a row may bring no new record before a split is taken to have
	// no end. 0: 10,000; negative: any number. For a source.
	MaxIdle int
	Dir     string // its private folder on this machine, see [sdk.Start]; "": it has none
	Start   func(ctx context.Context) (Instance[P], error)
}

// Takes reports whether the stage is for a stream.
func (s Stage[P]) Takes(stream string) bool {
	return s.Streams == nil || slices.Contains(s.Streams, everyStream) || slices.Contains(s.Streams, stream)
}

// everyStream selects all streams, a source's optional ones too.
const everyStream = "*"

// Reads reports whether a source is to read one of its streams: an optional one only where it is
// selected.
func Reads(source Stage[sdk.Source], s sdk.Stream) bool {
	return source.Takes(s.Name) && (source.Streams != nil || !s.Optional)
}

// Instance is a started plugin. What it can do beside what all can is said by AbilitiesOf of
// sdk/host.
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

// At is the stage.
func (e *StageError) At() string { return e.Stage }

// at names the stage, once: the report of a plugin's death has its name in it already.
func at(stage string, err error) error {
	if err == nil || StageOf(err) != "" {
		return err
	}
	return &StageError{Stage: stage, Err: err}
}

// StageOf is the stage that an error names, by a [StageError] or by any error with its method At;
// "": none.
func StageOf(err error) string {
	var named interface{ At() string }
	if !errors.As(err, &named) {
		return ""
	}
	return named.At()
}

// crashed reports whether err says that a plugin's process died.
func crashed(err error) bool {
	var c interface{ Crashed() bool }
	return errors.As(err, &c) && c.Crashed()
}

func isCancel(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}
