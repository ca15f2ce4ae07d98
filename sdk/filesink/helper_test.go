package filesink

import (
	"context"

	"github.com/scrapekit/scrapekit/sdk"
)

// sink writes lines as they are.
type sink struct{ *Files }

func newSink(o Options) (*sink, error) {
	o.Name = "test"
	files, err := New(o)
	return &sink{files}, err
}

func (s *sink) Write(_ context.Context, b sdk.Batch) error { return s.Append(b.Stream, b.Payload) }
