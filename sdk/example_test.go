package sdk_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/scrapekit/scrapekit/sdk"
	"github.com/scrapekit/scrapekit/sdk/host/settings"
)

// The tags of a settings struct: the host checks the pipeline file against the schema, with file
// and line, before anything runs.
func ExampleSchema() {
	type forum struct {
		URL    string       `json:"url" required:"true" host:"true" doc:"Base of the API; its host may be asked."`
		Order  string       `json:"order" enum:"asc,desc" default:"asc" doc:"The order of the pages."`
		Within sdk.Duration `json:"within" default:"24h" doc:"How new a record must be."`
	}
	var schema map[string]any
	if err := json.Unmarshal(settings.Schema[forum](), &schema); err != nil {
		fmt.Println(err)
		return
	}
	enc := json.NewEncoder(os.Stdout)
	enc.SetIndent("", "  ")
	if err := enc.Encode(schema["properties"].(map[string]any)["order"]); err != nil {
		fmt.Println(err)
	}

	var s forum
	err := settings.Decode(json.RawMessage(`{"url": "https://api.example.com", "within": "90m"}`), &s)
	fmt.Println(s.URL, s.Order, time.Duration(s.Within), err)

	// Output:
	// {
	//   "default": "asc",
	//   "description": "The order of the pages.",
	//   "enum": [
	//     "asc",
	//     "desc"
	//   ],
	//   "type": "string"
	// }
	// https://api.example.com asc 1h30m0s <nil>
}

// The class of an error says what the host does about it, however often it is wrapped.
func ExamplePermanent() {
	gone := fmt.Errorf("project ABC: %w", sdk.Permanent(errors.New("it does not exist")))
	busy := fmt.Errorf("project XYZ: %w", sdk.RetryAfter(errors.New("too many requests"), 30*time.Second))
	fmt.Println(gone, sdk.IsPermanent(gone))
	fmt.Println(busy, sdk.IsPermanent(busy), sdk.RetryDelay(busy))

	// Output:
	// project ABC: it does not exist true
	// project XYZ: too many requests false 30s
}

// A source emits records and cursors. What is no JSON becomes a dead letter, and costs only itself.
func ExampleWriter() {
	w := sdk.NewWriter(printer{}) // in Read, the writer is given
	err := errors.Join(
		w.Emit("books", map[string]any{"isbn": "1", "title": "Emma"}),
		w.EmitJSON("books", []byte(`{"isbn": "2", "title": `)),
		w.Delete("books", map[string]any{"isbn": "3"}),
		w.Cursor(4),
	)
	fmt.Println(err)

	// Output:
	// rejected: not valid JSON
	// books: {"isbn":"1","title":"Emma"}
	// books: {"isbn":"3"}
	// cursor 4
	// <nil>
}
