// Sinks: what delivers records.

package sdk

import (
	"context"
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

// A Token says up to where a sink or a stateful transform is durable. The host keeps it and never looks inside.
type Token []byte

// Opener is implemented by every sink, and every stateful transform, that has to bring itself back to a token.
type Opener interface {
	// Open is called once, before anything else after the settings, and must leave the plugin exactly at
	// s.Token: what came later is taken away, however it got there.
	Open(ctx context.Context, s Start) error
}

// Start is what a run begins with.
type Start struct {
	Run     string    // the run's id, the same when the run goes on after an interruption
	Started time.Time // when the run was first started
	Token   Token     // of the last commit; nil: there was none
	// Resume: the token was made by this very run. Otherwise it is an earlier, finished run's: what it
	// stands for may have been taken away since, by whoever uses it.
	Resume bool
	// Full: the run starts over. What the token stands for is to be discarded. Never set with Resume.
	Full bool
	// Streams are those that will come.
	Streams []Stream
}

// Parallel is implemented by a sink whose Write may be called by several goroutines at once.
type Parallel interface {
	ParallelWrites() bool
}
