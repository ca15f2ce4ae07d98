// Cases: what an author states about a plugin, and the tests that follow from it.

package sdktest

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/scrapekit/scrapekit/sdk"
	"github.com/scrapekit/scrapekit/sdk/conformance"
)

// SourceCase is a source, and a remote system that does not change during the test.
type SourceCase struct {
	Config  any      // the settings: JSON, or what marshals to it
	Host    sdk.Host // its transport reaches the remote system
	Streams []string // nil: all
	// MaxResumes is from how many cursors of a split a Read is resumed, spread evenly; 0: all.
	MaxResumes int
	// Check may inspect all records of the streams, one JSON object each; may be nil.
	Check func(t *testing.T, records map[string][]string)
}

// TestSource checks that reading is repeatable, that every cursor gives exactly the rest, that a
// source stops when it is told to, that errors keep their class, and that no reply makes it lose
// records or panic.
func TestSource(t *testing.T, p sdk.Plugin, c SourceCase) {
	config := rawConfig(t, c.Config)
	inner := conformance.SourceCase{Host: c.Host, Streams: c.Streams, MaxResumes: c.MaxResumes}
	if c.Check != nil {
		inner.Check = func(t conformance.T, records map[string][]string) { c.Check(testOf(t), records) }
	}
	onBoth(t, p, config, sdk.KindSource,
		func(t goTest, s conformance.Subject) { conformance.Source(t, s, config, inner) })
}

// TransformCase is a transform and what goes into it.
type TransformCase struct {
	Config  any
	Host    sdk.Host
	Streams []sdk.Stream // nil: the streams of Input, by name alone
	Input   []sdk.Batch
	// Check may inspect all output, in order; may be nil.
	Check func(t *testing.T, out []sdk.Batch, rejects sdk.Rejects)
}

// TestTransform checks that the output depends only on the input, that concurrent calls do not
// affect each other, that bad input does no harm, and that a transform with state is restored to
// its token.
func TestTransform(t *testing.T, p sdk.Plugin, c TransformCase) {
	config := rawConfig(t, c.Config)
	inner := conformance.TransformCase{Host: c.Host, Streams: c.Streams, Input: c.Input}
	if c.Check != nil {
		inner.Check = func(t conformance.T, out []sdk.Batch, rejects sdk.Rejects) { c.Check(testOf(t), out, rejects) }
	}
	onBoth(t, p, config, sdk.KindTransform,
		func(t goTest, s conformance.Subject) { conformance.Transform(t, s, config, inner) })
}

// SinkCase is a sink that writes below a folder, or to a place named after it.
type SinkCase struct {
	// Config returns the settings for a place. dir is empty at first.
	Config func(t *testing.T, dir string) any
	// Read returns the records of a stream that a reader finds at the place, committed or not, in
	// any order.
	Read func(t *testing.T, dir, stream string) []string
	Host sdk.Host
	// Replaces says that the first commit of records of a new run replaces what earlier runs wrote.
	// It does not happen earlier, so that a run without records removes nothing.
	Replaces bool
	// Keyed says that Read finds the last record of each key, with deletions applied.
	Keyed bool
	// Remote says that what Read finds is not below the folder, so a power cut of the folder would
	// not undo it. [CrashSink] leaves power cuts out then.
	Remote bool
	// Rounds is how many steps the random walk takes; 0: 60.
	Rounds int
	// Patience is the time after which a call counts as hung; 0: two minutes.
	Patience time.Duration
}

// TestSink checks that a token restores the sink to exactly the records that were written before
// its commit: after kills, lost tokens and further runs, in a fixed order and in a random one
// (seeded). See [sdk.Guarantor] for sinks that promise less.
func TestSink(t *testing.T, p sdk.Plugin, c SinkCase) {
	inner := conformance.SinkCase{
		Config: func(t conformance.T, dir string) json.RawMessage {
			return rawConfig(testOf(t), c.Config(testOf(t), dir))
		},
		Read:     func(t conformance.T, dir, stream string) []string { return c.Read(testOf(t), dir, stream) },
		Host:     c.Host,
		Replaces: c.Replaces, Keyed: c.Keyed, Rounds: c.Rounds, Patience: c.Patience,
	}
	onBoth(t, p, rawConfig(t, c.Config(t, t.TempDir())), sdk.KindSink,
		func(t goTest, s conformance.Subject) { conformance.Sink(t, s, inner) })
}
