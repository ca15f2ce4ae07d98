// The conformance suite of sources, in one process and across the wire, against both flavours.

package jira_test

import (
	"bytes"
	"io"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/scrapekit/scrapekit/plugins/sources/jira"
	"github.com/scrapekit/scrapekit/plugins/sources/jira/internal/jiratest"
	"github.com/scrapekit/scrapekit/sdk"
	"github.com/scrapekit/scrapekit/sdk/sdktest"
)

func TestConformance(t *testing.T) {
	t.Parallel()
	for _, f := range []jiratest.Flavour{jiratest.DataCenter, jiratest.Cloud} {
		t.Run(f.String(), func(t *testing.T) {
			t.Parallel()
			start := time.Now() // it stands still: records say when they were fetched
			w := newWorld(t, jiratest.Options{Flavour: f, Now: func() time.Time { return start }})
			w.Generate(jiratest.Synthetic{Projects: []jiratest.Project{{Key: "SYN", Issues: 4}}})
			truth := w.Snapshot()
			sdktest.TestSource(t, plugin(), sdktest.SourceCase{
				Config:     map[string]any{"url": w.url, "page_size": 2, "split_size": 2},
				Host:       sdk.Host{Transport: still{newHost(t, w, nil).transport}},
				Streams:    slices.DeleteFunc(streamNames(), jira.ListStream), // TestListsConform has the rest
				MaxResumes: 4,
				Check: func(t *testing.T, records map[string][]string) {
					if len(records["issues"]) != len(truth) {
						t.Errorf("%d issues, want %d", len(records["issues"]), len(truth))
					}
				},
			})
		})
	}
}

func streamNames() []string {
	var names []string
	for _, s := range plugin().Streams {
		names = append(names, s.Name)
	}
	return names
}

// still takes the value out of replies that Jira makes up anew at every fetch: the suite wants a
// system that stands still.
type still struct{ next http.RoundTripper }

func (s still) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := s.next.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	body = volatile.ReplaceAll(body, []byte(`"customfield_12314020":""`))
	resp.Body, resp.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	return resp, nil
}
