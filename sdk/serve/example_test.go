package serve_test

import (
	"context"

	"github.com/scrapekit/scrapekit/sdk"
	"github.com/scrapekit/scrapekit/sdk/serve"
)

// greeter is a source that is its own settings.
type greeter struct {
	Name string `json:"name" default:"world" doc:"Whom to greet."`
}

func (greeter) Streams(context.Context) ([]sdk.Stream, error) {
	return []sdk.Stream{{Name: "greetings"}}, nil
}

func (greeter) Plan(_ context.Context, p sdk.Plan) ([]sdk.Split, error) { return p.Splits(), nil }

func (g greeter) Read(_ context.Context, s sdk.Split, w *sdk.Writer) error {
	return w.Emit(s.Stream, map[string]string{"text": "Hello " + g.Name})
}

// The whole main function of a plugin. In a program of its own this function is called main.
func ExampleMain() {
	serve.Main(sdk.SourceOf[greeter](sdk.Info{Name: "greeter", Version: "1.0.0", Doc: "Greets."}))
}
