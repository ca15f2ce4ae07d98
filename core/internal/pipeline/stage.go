// Stages: plugins that can be started and restarted.

package pipeline

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/scrapekit/scrapekit/sdk"
)

// Stage is a stage of the pipeline with its plugin.
type Stage[P any] struct {
	Name string // "transform llm": unique, used in messages and as the key of its token
	// Streams selects streams; nil or "*": all. Other streams pass a transform unchanged and do not
	// reach a sink.
	Streams    []string
	MaxRejects int64 // more rejected records end the run; negative: no limit
	Foreign    bool  // a third-party plugin: the host validates its records
	// Attempts bounds the tries without progress: of a source's plan and of each split, and, for a
	// transform or a sink, how often in a row the run goes back to the last commit. 0: 5.
	Attempts int
	// Patience is the least time of these tries, however many they are. 0: none if Attempts is set,
	// and none for a source over HTTP, where the host retries; otherwise 30 s.
	Patience time.Duration
	Connects bool // the plugin opens connections of its own, for example to a database
	// MaxWait bounds the wait that an error may ask for, including the waits before it since the
	// last progress. A longer wait ends the split, or the run. 0: 15 min.
	MaxWait time.Duration
	// MaxIdle bounds the groups in a row without a new record; more of them mean an endless split.
	// 0: 10,000; negative: unlimited. For a source.
	MaxIdle int
	Place   string // of its block in the pipeline file, for errors; "": none
	Dir     string // its private folder on this machine, see [sdk.Start]; "": none
	Start   func(ctx context.Context) (Instance[P], error)
}

// Takes reports whether the stage selects a stream.
func (s Stage[P]) Takes(stream string) bool {
	return s.Streams == nil || slices.Contains(s.Streams, everyStream) || slices.Contains(s.Streams, stream)
}

// everyStream selects all streams, including a source's optional ones.
const everyStream = "*"

// Reads reports whether a source should read a stream. An optional stream must be selected by name
// or by "*".
func Reads(source Stage[sdk.Source], s sdk.Stream) bool {
	return source.Takes(s.Name) && (source.Streams != nil || !s.Optional)
}

// Instance is a started plugin. AbilitiesOf of sdk/host gives its optional abilities.
type Instance[P any] struct {
	Plugin P
	Check  func(ctx context.Context) error // nil: nothing to check
	Exited <-chan struct{}                 // closed when the plugin has exited; nil: it cannot exit
	Stop   func(ctx context.Context) error
}

// StageError names the stage of an error.
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

// At returns the stage.
func (e *StageError) At() string { return e.Stage }

// at adds the stage to an error, once: the error of a crash already has it.
func at(stage string, err error) error {
	if err == nil || StageOf(err) != "" {
		return err
	}
	return &StageError{Stage: stage, Err: err}
}

// StageOf returns the stage of a [StageError], or of any error with a method At; "": none.
func StageOf(err error) string {
	var named interface{ At() string }
	if !errors.As(err, &named) {
		return ""
	}
	return named.At()
}

// crashed reports whether err is the crash of a plugin's process.
func crashed(err error) bool {
	var c interface{ Crashed() bool }
	return errors.As(err, &c) && c.Crashed()
}

func isCancel(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}
