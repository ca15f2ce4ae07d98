// Sinks: what delivers records.

package sdk

import (
	"context"
	"fmt"
	"time"
)

// A Sink delivers records to one place. Its methods are called one at a time, unless it is
// [Parallel]; Commit is never called during a Write.
type Sink interface {
	// Write accepts a batch, which need not be durable yet. An error of type [Rejects] names the
	// rejected records; all others are accepted. After any other error the host opens the sink
	// again with its last token, so an incomplete write does no harm.
	Write(ctx context.Context, b Batch) error
	// Commit makes everything that was written durable, and returns a token for that point. The
	// host saves the token in the same transaction as the cursors; only then is it the last token.
	//
	// A sink that delivers after a commit may return [Rejects] beside the token: records of earlier
	// commits that the far end has refused since. The host saves them with the token. So a sink
	// that is opened with an older token must return them again, and otherwise never.
	Commit(ctx context.Context) (Token, error)
}

// A Token says up to which point a sink or a stateful transform is durable. Only the stage
// understands it. It may have [MaxCursor] bytes.
type Token []byte

// Validate returns a permanent error if the token is too long.
func (t Token) Validate() error {
	if len(t) > MaxCursor {
		return Permanent(fmt.Errorf("a token of %d bytes, the limit is %d: let it stand for what is durable, not "+
			"hold it", len(t), MaxCursor))
	}
	return nil
}

// Opener is implemented by a sink or a stateful transform that can go back to a token.
type Opener interface {
	// Open is called once, before any other method. It must bring the output, or the state, back to
	// exactly s.Token, and remove everything that was written later.
	Open(ctx context.Context, s Start) error
}

// Finisher is implemented by a sink that does something when a run is complete: it publishes a
// manifest, replaces the previous output, or waits until an outbox is delivered.
type Finisher interface {
	// Finish is called once in a complete run, after its last commit. If the host or the sink is
	// killed before the host has saved the end of the run, another instance is opened with the last
	// token and Finish is called again: it must be idempotent. After any error the host opens the
	// sink again and calls Finish again. A run that ends in another way is not finished until a
	// later start completes it.
	//
	// If the error is [ErrUntold], the host commits and calls Finish again, of the same instance.
	Finish(ctx context.Context, e End) error
}

// End is a run that is complete.
type End struct {
	Run  string // as in [Start]
	Full bool   // the run started over: what earlier runs delivered is not a part of the result
	// Rejected: the source or a transform has rejected records of the run. That a record has not
	// come does not say that it is not there.
	Rejected bool
}

// Start is what a run begins with.
type Start struct {
	// Pipeline is the permanent identity of the pipeline. It is part of the state, survives `state
	// reset`, and differs between two pipelines even if their files have the same name. A sink that
	// writes to a shared place stores it there, to recognise the data of other pipelines.
	Pipeline string
	// Seat is the number of the seat in the run, from 0. A run on one machine has only seat 0. What
	// a sink keeps for going back to a token belongs to a seat.
	Seat int
	// Epoch is higher than that of every earlier instance of this seat of the pipeline. Refuse
	// writes with a lower epoch: they come from an instance that was replaced, and that may still
	// wake up.
	Epoch   int64
	Run     string    // the run's id, the same when the run goes on after an interruption
	Started time.Time // when the run was first started
	Token   Token     // of the last commit; nil: there was none
	// Resume: the token was made in this run. Otherwise an earlier, finished run made it, and its
	// output may have been moved or removed since.
	Resume bool
	// Full: the run starts over. Discard what the token stands for. Never set with Resume.
	Full bool
	// Streams are all streams that will come.
	Streams []Stream
	// Dir is a private folder of the stage, absolute. It lasts between runs and goes with the
	// pipeline's state: `state reset` clears it. What is in it may be older or newer than Token,
	// after a kill. It is "" unless [Info.PrivateDir] asks for it.
	Dir string
}

// SinkPlanner is implemented by a sink that can say beforehand what a run would do.
type SinkPlanner interface {
	// PlanSink is called of an instance that is not opened, and changes nothing. The streams are
	// all that would come.
	PlanSink(ctx context.Context, streams []Stream) (SinkPlan, error)
}

// SinkPlan is what a run would do in a sink.
type SinkPlan struct {
	// Effects say what becomes of each stream, a line each, for people.
	Effects []string `json:"effects,omitempty"`
	// Statements are what the sink would have its system do before the first record, in that
	// system's language.
	Statements []string `json:"statements,omitempty"`
}

// Parallel is implemented by a sink whose Write may be called by several goroutines at once.
type Parallel interface {
	ParallelWrites() bool
}
