// Command transform-number numbers the records that pass: a transform with state. Its token is how
// many there were, so a record that comes again after a crash gets the number that it had.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/scrapekit/scrapekit/sdk"
	"github.com/scrapekit/scrapekit/sdk/serve"
)

type number struct {
	RejectEvery int `json:"reject_every" min:"0" doc:"Reject one record in so many, with its number as the reason. 0: none."`

	n int
}

type numbered struct {
	N      int             `json:"n"`
	Record json.RawMessage `json:"record"`
}

// Transform implements [sdk.Transform]. Its calls come one at a time, as it has a state.
func (x *number) Transform(_ context.Context, b sdk.Batch) ([]sdk.Batch, error) {
	var out sdk.Builder
	err := b.Each(func(record []byte) error {
		if !json.Valid(record) {
			return sdk.Reject{Reason: "it is not JSON"}
		}
		x.n++
		if x.RejectEvery > 0 && x.n%x.RejectEvery == 0 {
			return sdk.Reject{Reason: fmt.Sprintf("number %d", x.n)}
		}
		return out.Add(b.Stream, numbered{x.n, record})
	})
	return out.Flush(), err
}

// Open restores the token. A run that starts over counts from the beginning.
func (x *number) Open(_ context.Context, s sdk.Start) (err error) {
	x.n = 0
	if s.Token != nil && !s.Full {
		x.n, err = strconv.Atoi(string(s.Token))
	}
	return sdk.Permanent(err)
}

// Commit implements [sdk.Committer].
func (x *number) Commit(context.Context) (sdk.Token, error) {
	return strconv.AppendInt(nil, int64(x.n), 10), nil
}

func plugin() sdk.Plugin {
	return sdk.TransformPlugin(sdk.Info{Name: "number", Version: "1.0.0", Doc: "Numbers records."},
		func(_ context.Context, x number) (sdk.Transform, error) { return &x, nil })
}

func main() { serve.Main(plugin()) }
