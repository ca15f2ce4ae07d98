// Command source-forum reads a paged JSON API: a whole source, in thirty lines.
package main

import (
	"context"
	"fmt"

	"github.com/scrapekit/scrapekit/sdk"
	"github.com/scrapekit/scrapekit/sdk/pages"
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
	first := fmt.Sprintf("%s/%s?page=1&per_page=%d", f.URL, s.Stream, f.PageSize)
	return pages.Read(ctx, s, w, pages.List{URL: first, Records: "items", Next: pages.Number("page", 1)})
}

func plugin() sdk.Plugin {
	return sdk.SourceOf[forum](sdk.Info{Name: "forum", Version: "1.0.0", Doc: "Reads a forum.", Streams: streams})
}
func main() { serve.Main(plugin()) }
