package sdk_test

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/scrapekit/scrapekit/sdk"
)

// century is a transform whose fields are its settings.
type century struct {
	Field string `json:"field" default:"century" doc:"Name of the field to add."`
}

// book has the fields that are read.
type book struct {
	Year int `json:"year"`
}

// Transform adds a field. A record without a year is rejected, with the reason. The host keeps it
// as a dead letter; all others go on.
func (c century) Transform(_ context.Context, b sdk.Batch) ([]sdk.Batch, error) {
	if b.Op == sdk.Delete {
		return []sdk.Batch{b}, nil // these are keys, not records
	}
	var out sdk.Builder
	err := b.Each(func(record []byte) error {
		var known book
		var fields map[string]any
		if err := json.Unmarshal(record, &known); err != nil || json.Unmarshal(record, &fields) != nil ||
			known.Year == 0 {
			return sdk.Reject{Reason: "no year"}
		}
		fields[c.Field] = (known.Year + 99) / 100
		return out.Add(b.Stream, fields)
	})
	return out.Flush(), err
}

// A whole transform, which adds a field to every record. Its main function would be
// serve.Main(plugin). The rest of this function is what the host does.
func ExampleTransform() {
	plugin := sdk.TransformOf[century](sdk.Info{Name: "century", Version: "1.0.0",
		Doc: "Adds the century in which a book was written."})

	ctx := context.Background()
	made, err := plugin.New(ctx, json.RawMessage(`{}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	in := sdk.Batch{Stream: "books", Count: 3, Payload: []byte(`{"title":"Emma","year":1815}
{"title":"The Epic of Gilgamesh"}
{"title":"Beloved","year":1987}
`)}
	out, err := made.(sdk.Transform).Transform(ctx, in)
	for _, b := range out {
		fmt.Printf("%s: %d records\n%s", b.Stream, b.Count, b.Payload)
	}
	fmt.Println(err)

	// Output:
	// books: 2 records
	// {"century":19,"title":"Emma","year":1815}
	// {"century":20,"title":"Beloved","year":1987}
	// 1 record rejected: no year
}
