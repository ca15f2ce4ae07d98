// Numbering is a stateful transform for crash tests: it numbers the records that it lets through, and rejects every seventh.
// A record that came twice, or not at all, shows in all numbers behind it.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/scrapekit/scrapekit/sdk"
	"github.com/scrapekit/scrapekit/sdk/serve"
)

type numbering struct{ n int }

type numbered struct {
	N      int             `json:"n"`
	Record json.RawMessage `json:"record"`
}

func (x *numbering) Transform(_ context.Context, b sdk.Batch) ([]sdk.Batch, error) {
	var out sdk.Builder
	var rejects sdk.Rejects
	for record := range b.Records() {
		x.n++
		if x.n%7 == 0 {
			rejects = append(rejects, sdk.Reject{Stream: b.Stream, Record: record, Reason: fmt.Sprintf("seventh: number %d", x.n)})
			continue
		}
		if err := out.Add(b.Stream, numbered{x.n, record}); err != nil {
			return nil, err
		}
	}
	return out.Flush(), rejects.Err()
}

func (x *numbering) Open(_ context.Context, s sdk.Start) (err error) {
	x.n = 0
	if s.Token != nil && !s.Full {
		x.n, err = strconv.Atoi(string(s.Token))
	}
	return err
}

func (x *numbering) Commit(context.Context) (sdk.Token, error) {
	return strconv.AppendInt(nil, int64(x.n), 10), nil
}

func main() {
	serve.Main(sdk.TransformPlugin(sdk.Info{Name: "numbering", Version: "1", Doc: "Numbers records."},
		func(context.Context, struct{}) (sdk.Transform, error) { return &numbering{}, nil }))
}
