// Sinks: what delivers records.

package sdk

import (
	"context"
	"fmt"
	"time"
)

// A Sink delivers records to one place. Calls come one at a time unless it is [Parallel]; Commit never
// runs beside a Write.
type Sink interface {
	// Write takes a batch; it need not be durable yet. An error of type [Rejects] names the records that
	// were refused, all others are taken. After any other error the host opens the sink again with its
	// last token, so a write that broke off half-way does no harm.
	Write(ctx context.Context, b Batch) error
	// Commit makes everything that was written durable and returns the token that stands for it. The
	// host keeps the token in the same transaction as the cursors; only then is it the last token.
	Commit(ctx context.Context) (Token, error)
}

// A Token says up to where a sink or a stateful transform is durable. The host keeps it and never looks inside. Like a cursor it
// travels and is kept with each commit: it may be [MaxCursor] bytes long.
type Token []byte

// Validate says, as a permanent error, why the host does not keep the token, if so.
func (t Token) Validate() error {
	if len(t) > MaxCursor {
		return Permanent(fmt.Errorf("a token of %d bytes, the limit is %d: let it stand for what is durable, not hold it", len(t), MaxCursor))
	}
	return nil
}

// Opener is implemented by every sink, and every stateful transform, that has to bring itself back to a token.
type Opener interface {
	// Open is called once, before anything else after the settings, and must leave the plugin exactly at
	// s.Token: what came later is taken away, however it got there.
	Open(ctx context.Context, s Start) error
}

// Finisher is implemented by a sink that does something when a run is complete: it publishes a manifest, puts what was
// written in the place of what was there, waits until an outbox is delivered.
type Finisher interface {
	// Finish is called once in a run that is complete, after its last commit, whose token the host has kept. A run
	// that ends otherwise goes on later and is not complete until then. If the host or the sink is killed before the
	// host has kept the end of the run, another instance is opened with that token and Finish comes again: it must do
	// nothing twice. After any error the host opens the sink again, and calls Finish again.
	Finish(ctx context.Context, e End) error
}

// End is a run that is complete.
type End struct {
	Run  string // as in [Start]
	Full bool   // the run started over: what earlier runs delivered is not a part of the result
}

// Start is what a run begins with.
type Start struct {
	// Pipeline identifies the pipeline for good: it is kept in the pipeline's state and outlasts `state reset`, and
	// two pipelines differ in it even if their files have one name. A sink of a shared place notes it there, so that
	// it can refuse, or keep apart, what belongs to another pipeline.
	Pipeline string
	// Seat is the place in the run that this instance takes, from 0: a run on one machine has no other. What a sink
	// keeps to come back to a token belongs to a seat.
	Seat int
	// Epoch is higher than that of every instance that was opened for this seat of the pipeline before. What an
	// instance of a lower epoch still sends is to be refused: it was killed, or sleeps and will wake up.
	Epoch   int64
	Run     string    // the run's id, the same when the run goes on after an interruption
	Started time.Time // when the run was first started
	Token   Token     // of the last commit; nil: there was none
	// Resume: the token was made by this very run. Otherwise it is an earlier, finished run's: what it
	// stands for may have been taken away since, by whoever uses it.
	Resume bool
	// Full: the run starts over. What the token stands for is to be discarded. Never set with Resume.
	Full bool
	// Streams are those that will come, and no others do.
	Streams []Stream
	// Dir is a private folder of the stage, absolute. It lasts between runs and goes with the pipeline's state: `state
	// reset` clears it. What is in it may be older or newer than Token, after a kill. It is "" unless [Info.PrivateDir]
	// asks for it.
	Dir string
}

// Parallel is implemented by a sink whose Write may be called by several goroutines at once.
type Parallel interface {
	ParallelWrites() bool
}
