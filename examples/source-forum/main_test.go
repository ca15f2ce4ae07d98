package main

import (
	"bytes"
	"os"
	"testing"

	"github.com/scrapekit/scrapekit/sdk"
	"github.com/scrapekit/scrapekit/sdk/sdktest"
)

func TestForum(t *testing.T) {
	t.Parallel()
	sdktest.TestSource(t, plugin(), sdktest.SourceCase{
		Config: map[string]any{"url": "https://forum.example.com/api", "page_size": 3},
		Host:   sdk.Host{Transport: sdktest.Replay(t, "testdata/forum.jsonl")},
		Check: func(t *testing.T, records map[string][]string) {
			if len(records["posts"]) != 7 || len(records["users"]) != 3 {
				t.Errorf("%d posts and %d users, want 7 and 3", len(records["posts"]), len(records["users"]))
			}
		},
	})
}

// TestFortyLines counts every line of the program: comments, imports and empty ones too.
func TestFortyLines(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("main.go")
	if err != nil {
		t.Fatal(err)
	}
	if n := bytes.Count(text, []byte("\n")); n > 31 {
		t.Errorf("main.go has %d lines", n)
	}
}
