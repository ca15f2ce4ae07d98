// Attachments: bytes that go from the server to the disk.

package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/scrapekit/scrapekit/plugins/sources/jira/jiraserver"
)

const withFiles = `
source "jira" {
  url        = %q
  keep_files = true
  select { streams = ["attachments"] }
  http {
    allow = [%q]
    auth "bearer" { token = "sesame-open" }
  }
  files { path = "kept" }
}
sink "jsonl" { path = "out/{stream}.jsonl" }
`

// The bytes of every attachment lie where its record says, and the host that Cloud redirects to
// sees no credential.
func TestAttachmentsAreKept(t *testing.T) {
	t.Parallel()
	for name, flavour := range map[string]jiraserver.Flavour{"data center": jiraserver.DataCenter,
		"cloud": jiraserver.Cloud} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			jira := jiraserver.New(jiraserver.Options{Seed: 3, Flavour: flavour,
				Auth: jiraserver.Auth{Bearer: map[string]string{"sesame-open": "reader"}, NoAnonymous: true}})
			jira.Generate(jiraserver.Synthetic{Projects: []jiraserver.Project{{Key: "ALPHA", Issues: 60}}})
			server, media := httptest.NewServer(jira), httptest.NewServer(jira.Media())
			t.Cleanup(server.Close)
			t.Cleanup(media.Close)
			jira.MediaAt(media.URL)
			dir := t.TempDir()
			file := filepath.Join(dir, "jira.hcl")
			if err := os.WriteFile(file, fmt.Appendf(nil, withFiles, server.URL, media.URL), 0o600); err != nil {
				t.Fatal(err)
			}
			if out, err := exec.CommandContext(t.Context(), scrapekit, "run", file).CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			checkKept(t, jira, server.URL, dir)
			if flavour == jiraserver.Cloud && len(jira.MediaRequests()) == 0 {
				t.Error("nothing came from the other host")
			}
			for _, header := range jira.MediaRequests() {
				if header.Get("Authorization") != "" {
					t.Fatal("the other host got the credential")
				}
			}
		})
	}
}

// checkKept compares the records and the files in dir with the server's content.
func checkKept(t *testing.T, jira *jiraserver.Server, url, dir string) {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(dir, "out", "attachments.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	want := jira.Truth(url, "reader").Of("attachments")
	if len(want) == 0 {
		t.Fatal("the server has no attachment")
	}
	seen := 0
	for line := range bytes.Lines(raw) {
		var a struct {
			ID   string
			File struct{ Path string }
		}
		if err := json.Unmarshal(line, &a); err != nil {
			t.Fatal(err)
		}
		seen++
		kept, err := os.ReadFile(filepath.Join(dir, "kept", filepath.FromSlash(a.File.Path)))
		if err != nil || !bytes.Equal(kept, jira.AttachmentBytes(a.ID)) {
			t.Errorf("attachment %s: %d bytes kept (%v), want %d: %s", a.ID, len(kept), err,
				len(jira.AttachmentBytes(a.ID)), line)
		}
	}
	if seen != len(want) {
		t.Errorf("%d records, the server has %d attachments", seen, len(want))
	}
}
