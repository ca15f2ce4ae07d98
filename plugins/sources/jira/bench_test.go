// Speed of the source alone: search replies in, records out.

package jira_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/scrapekit/scrapekit/plugins/sources/jira"
	"github.com/scrapekit/scrapekit/sdk"
)

// canned answers a search with one page of real issues, the search for what is behind them with
// nothing new, and everything else with what a plan needs.
type canned struct{ page, end []byte }

func (c canned) RoundTrip(req *http.Request) (*http.Response, error) {
	body := []byte(`{"deploymentType":"Server","serverTime":"2026-01-01T00:00:00.000+0000"}`)
	switch {
	case !strings.HasSuffix(req.URL.Path, "/search"):
	case strings.Contains(req.URL.Query().Get("jql"), "created >= "):
		body = c.end
	default:
		body = c.page
	}
	return &http.Response{
		StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}},
		Body: io.NopCloser(bytes.NewReader(body)), Request: req,
	}, nil
}

type discard struct{ records int }

func (d *discard) Batch(b sdk.Batch) error { d.records += b.Count; return nil }
func (*discard) Cursor([]byte) error       { return nil }
func (*discard) Split(sdk.Split) error     { return nil }
func (*discard) Reject(sdk.Reject) error   { return nil }

func BenchmarkRead(b *testing.B) {
	file, err := os.Open(fixtures)
	if err != nil {
		b.Skip("the real issues are not here: ", err)
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 64<<20)
	var issues []string
	for len(issues) < 100 && lines.Scan() {
		if strings.Contains(lines.Text(), `"comment":{`) {
			issues = append(issues, lines.Text())
		}
	}
	reply := func(issues ...string) []byte {
		return fmt.Appendf(nil, `{"startAt":0,"maxResults":100,"total":%d,"issues":[%s]}`, len(issues),
			strings.Join(issues, ","))
	}
	page := reply(issues...)
	ctx := sdk.Host{Transport: canned{page, reply(issues[0])}}.In(b.Context())
	made, err := jira.Plugin().New(ctx, json.RawMessage(`{"url":"https://jira.example.org","projects":["A"]}`))
	if err != nil {
		b.Fatal(err)
	}
	src := made.(sdk.Source)
	splits, err := src.Plan(ctx, sdk.Plan{Streams: []string{"issues"}})
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(page)))
	b.ReportAllocs()
	records := 0
	for b.Loop() {
		var out discard
		w := sdk.NewWriter(&out)
		if err := src.Read(ctx, splits[0], w); err != nil {
			b.Fatal(err)
		}
		records += out.records
	}
	b.ReportMetric(float64(records)/b.Elapsed().Seconds(), "issues/s")
}
