// Steady is a source for crash tests: numbered records at an even pace, with a cursor after every
// few. It makes them itself, or requests them from a server.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/scrapekit/scrapekit/sdk"
	"github.com/scrapekit/scrapekit/sdk/serve"
)

type config struct {
	Records int    `json:"records" default:"100" doc:"How many."`
	Every   int    `json:"every" default:"10" min:"1" doc:"How many come between two cursors."`
	Pad     int    `json:"pad" default:"30" doc:"Records are padded by up to eight times this."`
	Pause   string `json:"pause" default:"0s" doc:"How long to wait after a cursor."`
	URL     string `json:"url" host:"true" doc:"Where to ask for the records between two cursors; empty: make them up."`
}

type source struct {
	config
	pause time.Duration
}

type record struct {
	ID  int    `json:"id"`
	Pad string `json:"pad"`
}

func (source) Streams(context.Context) ([]sdk.Stream, error) {
	return []sdk.Stream{{Name: "records", PrimaryKey: []string{"id"}}}, nil
}

// Plan continues where the last run ended.
func (s source) Plan(_ context.Context, p sdk.Plan) ([]sdk.Split, error) {
	if len(p.Previous) > 0 {
		return p.Previous, nil
	}
	return []sdk.Split{{ID: "all", Stream: "records", Estimate: int64(s.Records)}}, nil
}

func (s source) Read(ctx context.Context, split sdk.Split, w *sdk.Writer) error {
	first, err := sdk.CursorOf(split, 0)
	if err != nil {
		return err
	}
	for id := first; id < s.Records; {
		next := min(s.Records, id-id%s.Every+s.Every)
		page, err := s.page(ctx, id, next)
		if err != nil {
			return err
		}
		if err := w.EmitPage("records", page, next); err != nil {
			return err
		}
		id = next
		select {
		case <-time.After(s.pause):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// page returns the records with numbers from from to before to.
func (s source) page(ctx context.Context, from, to int) ([]json.RawMessage, error) {
	var page []json.RawMessage
	if s.URL != "" {
		err := sdk.GetJSON(ctx, fmt.Sprintf("%s?from=%d&to=%d", s.URL, from, to), &page)
		return page, err
	}
	for id := from; id < to; id++ {
		raw, err := json.Marshal(record{id, strings.Repeat("x", s.Pad*(id%9))})
		if err != nil {
			return nil, err
		}
		page = append(page, raw)
	}
	return page, nil
}

func main() {
	serve.Main(sdk.SourcePlugin(sdk.Info{Name: "steady", Version: "1", Doc: "Emits numbered records."},
		func(_ context.Context, c config) (sdk.Source, error) {
			pause, err := time.ParseDuration(c.Pause)
			return source{c, pause}, err
		}))
}
