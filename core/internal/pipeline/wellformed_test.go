// Records of other people's plugins that are no JSON, or that a sink would read as a deletion,
// become dead letters.

package pipeline_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/scrapekit/scrapekit/core/internal/checkpoint"
	"github.com/scrapekit/scrapekit/core/internal/pipeline"
	"github.com/scrapekit/scrapekit/sdk"
)

func TestRecordsThatAreNoJSON(t *testing.T) {
	t.Parallel()
	rejected(t, sdk.Upsert, `{"n":`, "not valid JSON: ")
}

// A record with a field "_op" at its top reaches no sink, however the name is spelt, and neither
// does the key of all records.
func TestRecordsThatWouldDelete(t *testing.T) {
	t.Parallel()
	const reserved = `reserved field "_op": `
	for _, bad := range []string{`{"_op":"delete","n":1}`, `{"n":7,"\u005fop":"delete"}`, `{"_op":null}`} {
		rejected(t, sdk.Upsert, bad, reserved)
		rejected(t, sdk.Delete, bad, reserved)
	}
	rejected(t, sdk.Delete, `{}`, "invalid key: ")
}

// rejected sends a bad record between two good ones, from a source and from a transform.
func rejected(t *testing.T, op sdk.Op, bad, why string) {
	t.Helper()
	for _, where := range []string{"source", "transform"} {
		t.Run(fmt.Sprint(where, op, bad), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				batch := sdk.Batch{Stream: "numbers", Op: op, Count: 3,
					Payload: []byte("{\"n\":1}\n" + bad + "\n{\"n\":2}\n")}
				source := walker{read: func(_ string, w *sdk.Writer) error {
					if where == "source" {
						return w.Batch(batch)
					}
					return w.Emit("numbers", number{N: 1})
				}}
				w := newWorld(t, &numbers{})
				w.config.Source = always[sdk.Source]("source raw", source)
				w.config.Transforms = []pipeline.Stage[sdk.Transform]{always[sdk.Transform]("transform raw",
					transformFunc(func(b sdk.Batch) ([]sdk.Batch, error) {
						if where == "transform" {
							return []sdk.Batch{batch}, nil
						}
						return []sdk.Batch{b}, nil
					}))}
				w.config.Source.Foreign, w.config.Transforms[0].Foreign = true, true
				res := w.run(t.Context(), t)
				if res.Outcome != checkpoint.Complete || fmt.Sprint(w.shelf.sorted()) != `[{"n":1} {"n":2}]` {
					t.Errorf("outcome %s, the sink has %q: %v", res.Outcome, w.shelf.sorted(), res.Err)
				}
				if len(w.box.letters) != 1 || string(w.box.letters[0].Record) != bad ||
					w.box.letters[0].Stage != where+" raw" ||
					!strings.HasPrefix(w.box.letters[0].Reason, why) {
					t.Errorf("dead letters: %+v", w.box.letters)
				}
				if c := res.Counts.Stages["source raw"]; where == "source" &&
					(c.In != 3 || c.Out != 2 || c.Rejected != 1) {
					t.Errorf("%+v: in = out + rejected does not hold", c)
				}
			})
		})
	}
}
