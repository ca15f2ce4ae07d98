// Command source-forum reads a paged JSON API: a whole source, in forty lines.
package main

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/scrapekit/scrapekit/sdk"
	"github.com/scrapekit/scrapekit/sdk/serve"
)

type forum struct {
	URL      string `json:"url" required:"true" host:"true" doc:"Base of the API."`
	PageSize int    `json:"page_size" default:"50" min:"1" max:"100" doc:"Records a request."`
}

var streams = []sdk.Stream{{Name: "posts", PrimaryKey: []string{"id"}}, {Name: "users", PrimaryKey: []string{"id"}}}

func (forum) Streams(context.Context) ([]sdk.Stream, error)           { return streams, nil }
func (forum) Plan(_ context.Context, p sdk.Plan) ([]sdk.Split, error) { return p.Splits(), nil }

func (f forum) Read(ctx context.Context, s sdk.Split, w *sdk.Writer) error {
	next, err := sdk.CursorOf(s, 1)
	for n := 1; err == nil && n > 0; next++ { // until a page is empty; one without items is an error
		var page struct {
			Items []json.RawMessage `json:"items" required:"true"`
		}
		err = sdk.GetJSON(ctx, fmt.Sprintf("%s/%s?page=%d&per_page=%d", f.URL, s.Stream, next, f.PageSize), &page)
		if n = len(page.Items); err == nil && n > 0 {
			err = w.EmitPage(s.Stream, page.Items, next+1)
		}
	}
	return err
}

func plugin() sdk.Plugin {
	return sdk.SourceOf[forum](sdk.Info{Name: "forum", Version: "1.0.0", Doc: "Reads a forum.", Streams: streams})
}
func main() { serve.Main(plugin()) }
