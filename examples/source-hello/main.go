// Command source-hello is a complete plugin: a source that says hello.
package main

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/scrapekit/scrapekit/sdk"
	"github.com/scrapekit/scrapekit/sdk/serve"
)

// Config is what a pipeline file may set. The host checks it before anything runs.
type Config struct {
	Name  string `json:"name" required:"true" doc:"Whom to greet."`
	Times int    `json:"times" default:"3" min:"1" doc:"How often."`
}

type hello struct{ Config }

type greeting struct {
	ID   int    `json:"id"`
	Text string `json:"text"`
}

func (h hello) Streams(context.Context) ([]sdk.Stream, error) {
	return []sdk.Stream{{Name: "greetings", PrimaryKey: []string{"id"}}}, nil
}

func (h hello) Plan(context.Context, sdk.Plan) ([]sdk.Split, error) {
	return []sdk.Split{{ID: "all", Stream: "greetings", Estimate: int64(h.Times)}}, nil
}

// Read continues after the greeting that the cursor names, so a killed run repeats none.
func (h hello) Read(_ context.Context, s sdk.Split, w *sdk.Writer) error {
	done := 0
	if s.Cursor != nil {
		if err := json.Unmarshal(s.Cursor, &done); err != nil {
			return sdk.Permanent(err)
		}
	}
	for id := done + 1; id <= h.Times; id++ {
		if err := w.Emit("greetings", greeting{id, fmt.Sprintf("Hello, %s!", h.Name)}); err != nil {
			return err
		}
		if err := w.Cursor(id); err != nil {
			return err
		}
	}
	return nil
}

func plugin() sdk.Plugin {
	return sdk.SourcePlugin(sdk.Info{Name: "hello", Version: "1.0.0", Doc: "Says hello."},
		func(_ context.Context, c Config) (sdk.Source, error) { return hello{c}, nil })
}

func main() { serve.Main(plugin()) }
