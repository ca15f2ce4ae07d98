// Transforms: what changes records on their way.

package sdk

import (
	"cmp"
	"context"
	"errors"
	"fmt"
)

// A Transform turns a batch into any number of batches, also of other streams. It must be safe for
// concurrent calls; the batches of one split come one after another, in order. The result must
// depend only on the batch and the settings, because a batch comes again after a crash.
type Transform interface {
	// Transform may return both batches and an error of type [Rejects]: then it rejected the named
	// records and accepted all others. Any other error means that the whole batch failed.
	Transform(ctx context.Context, b Batch) ([]Batch, error)
}

// Streamer is implemented by a transform whose output streams differ from its input.
type Streamer interface {
	// OutStreams returns the output streams for these input streams. It is called before any batch.
	OutStreams(ctx context.Context, in []Stream) ([]Stream, error)
}

// Committer is implemented by a transform that keeps state between batches. It must also be an
// [Opener], which goes back to the token. The host sends such a transform one batch at a time.
type Committer interface {
	Commit(ctx context.Context) (Token, error)
}

// A Reject is one record that a stage rejected. It becomes a dead letter.
type Reject struct {
	Stream string
	Record []byte // the record as it came, or a part of it
	Reason string // for people; reports count by the part before the first ": "
}

// Error makes a Reject an error, with which the function of [Batch.Each] refuses its record.
func (r Reject) Error() string { return r.Reason }

// Rejects is the error of a Transform or a Write that accepted all records except these.
type Rejects []Reject

func (r Rejects) Error() string {
	if len(r) == 1 {
		return "1 record rejected: " + r[0].Reason
	}
	return fmt.Sprintf("%d records rejected, the first: %s", len(r), r[0].Reason)
}

// Err returns r as an error, or nil if nothing was rejected.
func (r Rejects) Err() error {
	if len(r) == 0 {
		return nil
	}
	return r
}

// Each calls f with each record of a batch, for a Transform or a Write. A [Reject] that f
// returns refuses its record alone, of which f need give the Reason only; any other error ends the
// loop and is returned: it refuses the batch. The error is of type [Rejects] if there is nothing
// but refused records.
//
//	var out sdk.Builder
//	err := b.Each(func(record []byte) error {
//		v, err := decode(record)
//		if err != nil {
//			return sdk.Reject{Reason: err.Error()}
//		}
//		return out.Add(b.Stream, v)
//	})
//	return out.Flush(), err
func (b Batch) Each(f func(record []byte) error) error {
	var rejects Rejects
	for record := range b.Records() {
		err := f(record)
		var reject Reject
		switch {
		case err == nil:
		case errors.As(err, &reject):
			reject.Stream = cmp.Or(reject.Stream, b.Stream)
			if reject.Record == nil {
				reject.Record = record
			}
			rejects = append(rejects, reject)
		default:
			return err
		}
	}
	return rejects.Err()
}
