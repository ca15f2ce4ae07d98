// A sink for measurements.

package main

import (
	"context"

	"github.com/scrapekit/scrapekit/sdk"
)

// discard is a sink that keeps nothing.
type discard struct{}

func discardPlugin() sdk.Plugin {
	return sdk.SinkPlugin(sdk.Info{Name: "discard", Version: "1"},
		func(context.Context, struct{}) (sdk.Sink, error) { return discard{}, nil })
}

func (discard) Write(context.Context, sdk.Batch) error    { return nil }
func (discard) Commit(context.Context) (sdk.Token, error) { return []byte("nothing"), nil }
