// STREAMS.md is made from the catalogue, and is checked here to be so. `go test -run StreamsDoc
// -update` writes it anew.

package jira

import (
	"bytes"
	"cmp"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/scrapekit/scrapekit/plugins/sources/jira/internal/rest"
)

var update = flag.Bool("update", false, "write STREAMS.md anew")

const streamsFile = "STREAMS.md"

// preface stands before the table.
const preface = `# Streams of the Jira source

<!-- Made from the catalogue by go test -run StreamsDoc -update: do not edit. -->

A stream that is marked ` + "`on demand`" + ` is read only where the pipeline file selects it:

` + "```hcl" + `
source "jira" {
  url = "https://jira.example.com"

  select {
    streams = ["issues", "fields", "project_versions"] # or ["*"] for all
  }
}
` + "```" + `

*Incremental* streams read what has changed since the last run, by the field that is named. *Snapshot* streams read
their whole list in every run, but emit only what is new or different since the last one, and a deletion for what is
gone; a run over lists in which nothing changed emits nothing. What a snapshot costs each time is in the last
column: a handful of requests for most, but one or more for each project, board, screen or field where the list is a
list of lists. On a site with 500 boards, ` + "`board_issues`" + ` is 500 requests and more, in every run.

A stream that the site does not have is left out with a warning. One that this account may not read, or that fails
each time while the server answers other requests, is left out too, and so is a single list of it, such as that of
one board: the run goes on with the rest, ends as incomplete, and names what is missing. Where all streams are
selected, by ` + "`\"*\"`" + `, that asks for what the account may see: what it is
refused is no more than a warning.
With the setting ` + "`projects`" + `, the streams of projects and boards read those projects only.

The JSON Schema of the records of each stream is printed by ` + "`scrapekit plugins docs jira --format json`" + `.
`

// streamsDoc renders the catalogue.
func streamsDoc() []byte {
	var b bytes.Buffer
	b.WriteString(preface)
	fmt.Fprintf(&b, "\n| stream | what it holds | primary key | read | on | comes from | requests of a run "+
		"|\n|---|---|---|---|---|---|---|\n")
	for _, e := range catalogue() {
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s | %s | %s |\n", e.Name, e.Doc, strings.Join(e.PrimaryKey, ", "),
			howRead(e), flavoursOf(e), code(e.from), cmp.Or(e.cost, "—"))
	}
	return b.Bytes()
}

func howRead(e entry) string {
	read := "snapshot"
	if e.Cursor != "" {
		read = "incremental by " + e.Cursor
	}
	if e.Optional {
		read += ", on demand"
	}
	return read
}

func flavoursOf(e entry) string {
	return map[string]string{"": "both", rest.DataCenter: "Data Center", rest.Cloud: "Cloud"}[e.flavour]
}

func code(paths string) string {
	if !strings.HasPrefix(paths, "/") {
		return cmp.Or(paths, "—")
	}
	return "`" + strings.ReplaceAll(paths, ", ", "`, `") + "`"
}

func TestStreamsDoc(t *testing.T) {
	t.Parallel()
	want := streamsDoc()
	if *update {
		if err := os.WriteFile(streamsFile, want, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	got, err := os.ReadFile(streamsFile)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(bytes.ReplaceAll(got, []byte("\r\n"), []byte("\n")), want) {
		t.Errorf("%s does not say what the catalogue says: go test -run StreamsDoc -update", streamsFile)
	}
}
