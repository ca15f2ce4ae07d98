package sdk_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"

	"github.com/scrapekit/scrapekit/sdk"
)

// library is a source that is its own settings: a pipeline file sets url, and may set limit.
type library struct {
	URL   string `json:"url" required:"true" host:"true" doc:"Base of the API."`
	Limit int    `json:"limit" default:"2" min:"1" max:"100" doc:"Books a request."`
}

// Streams says which kinds of record there are.
func (library) Streams(context.Context) ([]sdk.Stream, error) {
	return []sdk.Stream{{Name: "books", PrimaryKey: []string{"isbn"}, Doc: "What stands on the shelves."}}, nil
}

// Plan divides the work into parts that are read at the same time: here one a stream.
func (library) Plan(_ context.Context, p sdk.Plan) ([]sdk.Split, error) { return p.Splits(), nil }

// Read emits the books page by page, and between pages a cursor: the isbn after which reading goes
// on, whatever is killed. The last page needs none: what comes after the last cursor is delivered
// when Read returns nil.
func (l library) Read(ctx context.Context, s sdk.Split, w *sdk.Writer) error {
	after, err := sdk.CursorOf(s, "")
	if err != nil {
		return err
	}
	for {
		var page struct {
			Books []json.RawMessage
			Next  string // "" on the last page
		}
		link := fmt.Sprintf("%s/books?limit=%d&after=%s", l.URL, l.Limit, url.QueryEscape(after))
		if err := sdk.GetJSON(ctx, link, &page); err != nil {
			return err
		}
		for _, book := range page.Books {
			if err := w.EmitJSON(s.Stream, book); err != nil {
				return err
			}
		}
		if page.Next == "" {
			return nil
		}
		if err := w.Cursor(page.Next); err != nil {
			return err
		}
		after = page.Next
	}
}

// printer stands for the host, which takes what a source emits.
type printer struct{}

func (printer) Batch(b sdk.Batch) error { fmt.Printf("%s: %s", b.Stream, b.Payload); return nil }

func (printer) Cursor(c []byte) error { fmt.Printf("cursor %s\n", c); return nil }

func (printer) Split(s sdk.Split) error { fmt.Println("split", s.ID); return nil }

func (printer) Reject(r sdk.Reject) error { fmt.Println("rejected:", r.Reason); return nil }

// A whole source, which reads a paged JSON API. Its main function would be serve.Main(plugin). What
// is done with it here is the host's part: to check the settings, to call Plan and Read, to make
// the requests, and after a kill to read on from a cursor.
func ExampleSource() {
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.FormValue("after") == "" {
			fmt.Fprint(w, `{"books": [{"isbn": "1", "title": "Emma"}, {"isbn": "2", "title": "Ulysses"}], "next": "2"}`)
			return
		}
		fmt.Fprint(w, `{"books": [{"isbn": "3", "title": "Beloved"}]}`)
	}))
	defer api.Close()

	plugin := sdk.SourceOf[library](sdk.Info{Name: "library", Version: "1.0.0", Doc: "Reads a library."})

	ctx := sdk.Host{Transport: http.DefaultTransport}.In(context.Background())
	made, err := plugin.New(ctx, json.RawMessage(`{"url": "`+api.URL+`"}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	source := made.(sdk.Source)
	splits, err := source.Plan(ctx, sdk.Plan{Streams: []string{"books"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, split := range splits {
		for _, cursor := range []string{"", `"2"`} { // from the beginning, and from where a killed run had come to
			if cursor != "" {
				split.Cursor = []byte(cursor)
				fmt.Println("from", cursor)
			}
			w := sdk.NewWriter(printer{})
			if err := errors.Join(source.Read(ctx, split, w), w.Flush()); err != nil {
				fmt.Println(err)
			}
		}
	}

	// Output:
	// books: {"isbn": "1", "title": "Emma"}
	// {"isbn": "2", "title": "Ulysses"}
	// cursor "2"
	// books: {"isbn": "3", "title": "Beloved"}
	// from "2"
	// books: {"isbn": "3", "title": "Beloved"}
}
