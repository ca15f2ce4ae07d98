package sdk_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"github.com/scrapekit/scrapekit/sdk"
)

// archiveSettings are the settings. The tag path lets the plugin write there, and nowhere else.
type archiveSettings struct {
	Path string `json:"path" required:"true" path:"write" doc:"The file to write."`
}

// archive writes all records to one file. Its token is the length of the file.
type archive struct {
	archiveSettings
	file *os.File
}

// Open goes back to exactly the token: it cuts off what was written after that commit, because
// those records come again.
func (a *archive) Open(_ context.Context, start sdk.Start) error {
	var size int64
	if start.Token != nil && !start.Full {
		var err error
		if size, err = strconv.ParseInt(string(start.Token), 10, 64); err != nil {
			return sdk.Permanent(fmt.Errorf("the token %q is not one of this sink", start.Token))
		}
	}
	f, err := os.OpenFile(a.Path, os.O_CREATE|os.O_RDWR|os.O_APPEND, 0o644)
	if err != nil {
		return err
	}
	a.file = f
	info, err := f.Stat()
	if err == nil && info.Size() < size {
		err = sdk.Permanent(fmt.Errorf("%s has %d bytes, and %d were committed", a.Path, info.Size(), size))
	}
	return errors.Join(err, f.Truncate(size))
}

// Write appends the records. They need not be durable yet.
func (a *archive) Write(_ context.Context, b sdk.Batch) error {
	lines, rejects := b.JSONLines()
	if _, err := a.file.Write(lines); err != nil {
		return err
	}
	return rejects.Err()
}

// Commit makes the written records durable, and returns the token for that point.
func (a *archive) Commit(context.Context) (sdk.Token, error) {
	info, err := a.file.Stat()
	if err := errors.Join(err, a.file.Sync()); err != nil {
		return nil, err
	}
	return sdk.Token(strconv.FormatInt(info.Size(), 10)), nil
}

// Close is called at the end.
func (a *archive) Close() error { return a.file.Close() }

// A whole sink, which writes to a file. Its main function would be serve.Main(plugin). The rest of
// this function is what the host does: it kills the sink after an uncommitted write, and another
// process goes on from the last commit. One thing is left out for brevity: a sink also syncs the
// folder of a file that it has made. `scrapekit plugins new sink` writes one that does.
func ExampleSink() {
	plugin := sdk.SinkPlugin(sdk.Info{Name: "archive", Version: "1.0.0", Doc: "Writes into a file."},
		func(_ context.Context, s archiveSettings) (sdk.Sink, error) { return &archive{archiveSettings: s}, nil })

	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "books.jsonl")
	config, err := json.Marshal(map[string]string{"path": path})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx := context.Background()
	process := func(start sdk.Start) *archive {
		made, err := plugin.New(ctx, config)
		if err != nil {
			panic(err)
		}
		a := made.(*archive)
		if err := a.Open(ctx, start); err != nil {
			panic(err)
		}
		return a
	}
	batch := func(record string) sdk.Batch {
		return sdk.Batch{Stream: "books", Count: 1, Payload: []byte(record + "\n")}
	}

	first := process(sdk.Start{Run: "1"})
	fmt.Println(first.Write(ctx, batch(`{"title":"Emma"}`)))
	token, err := first.Commit(ctx)
	fmt.Printf("token %s, %v\n", token, err)
	fmt.Println(first.Write(ctx, batch(`{"title":"Ulysses"}`)), "and killed")
	first.Close()

	second := process(sdk.Start{Run: "1", Resume: true, Token: token})
	fmt.Println(second.Write(ctx, batch(`{"title":"Ulysses"}`)))
	token, err = second.Commit(ctx)
	fmt.Printf("token %s, %v\n", token, err)
	second.Close()

	written, err := os.ReadFile(path)
	fmt.Printf("%s%v\n", written, err)

	// Output:
	// <nil>
	// token 17, <nil>
	// <nil> and killed
	// <nil>
	// token 37, <nil>
	// {"title":"Emma"}
	// {"title":"Ulysses"}
	// <nil>
}
