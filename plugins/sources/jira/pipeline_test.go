// The pipeline of a walk in virtual time: what waits for what.

package jira_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/scrapekit/scrapekit/plugins/sources/jira/internal/jiratest"
	"github.com/scrapekit/scrapekit/sdk"
)

// slow answers without a network, each time after a while.
type slow struct {
	jira http.Handler
	wait time.Duration
}

func (s slow) RoundTrip(req *http.Request) (*http.Response, error) {
	time.Sleep(s.wait)
	w := httptest.NewRecorder()
	s.jira.ServeHTTP(w, req)
	resp := w.Result()
	resp.Request = req
	return resp, nil
}

// slowOutput takes a while for each group.
type slowOutput struct {
	discard
	wait time.Duration
}

func (o *slowOutput) Cursor([]byte) error {
	time.Sleep(o.wait)
	return nil
}

// While a page is delivered the next one is fetched, and its issues are completed four at a time.
func TestAPageIsFetchedWhileAnotherIsDelivered(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const pages, perPage, cut, wait = 20, 4, 10, 50 * time.Millisecond
		start := time.Now()
		server := jiratest.New(jiratest.Options{EmbeddedComments: 1, Now: func() time.Time { return start }})
		w := &world{Server: server, url: "http://jira.example.org"}
		for n := range pages * perPage {
			start = start.Add(2 * time.Minute)
			key := w.fill(t, "ALPHA", 1, 0)[0]
			for i := range 2 {
				if n < cut*perPage { // then the comments of the issue come cut
					_, err := w.Comment(key, fmt.Sprint(i))
					must(t, err)
				}
			}
		}
		h := &host{t: t, settings: map[string]any{"url": w.url, "projects": []string{"ALPHA"},
			"page_size": perPage + 1}, transport: slow{server, wait}}
		ctx, src := h.context(nil), h.open()
		splits, err := src.Plan(ctx, sdk.Plan{Streams: []string{"comments"}})
		if err != nil {
			t.Fatal(err)
		}
		begin, out := time.Now(), &slowOutput{wait: wait}
		if err := src.Read(ctx, splits[0], sdk.NewWriter(out)); err != nil {
			t.Fatal(err)
		}
		took := time.Since(begin)
		// One page after the other, each delivered and completed before the next is asked for,
		// takes at least:
		inTurn := (pages + pages + cut) * wait
		if most := (pages + 8) * wait; took > most {
			t.Errorf("took %v, want at most %v; one after the other it takes %v", took, most, inTurn)
		}
		t.Logf("%v for %d pages of %v each; one after the other %v", took, pages, wait, inTurn)
	})
}

// Behind a page of Data Center the next ones are asked for before it has come: a walk waits for a
// third of its replies or so, and asks for none in vain.
func TestPagesAreAskedForAhead(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const pages, perPage, wait = 60, 4, 50 * time.Millisecond
		start := time.Now()
		server := jiratest.New(jiratest.Options{Now: func() time.Time { return start }})
		w := &world{Server: server, url: "http://jira.example.org"}
		for range pages * perPage {
			start = start.Add(2 * time.Minute)
			w.fill(t, "ALPHA", 1, 0)
		}
		h := &host{t: t, settings: map[string]any{"url": w.url, "projects": []string{"ALPHA"},
			"page_size": perPage + 1}, transport: slow{server, wait}}
		ctx, src := h.context(nil), h.open()
		splits, err := src.Plan(ctx, sdk.Plan{Streams: []string{"comments", "issues"}})
		if err != nil {
			t.Fatal(err)
		}
		before, begin, out := server.Stats().Requests, time.Now(), &discard{}
		if err := src.Read(ctx, splits[0], sdk.NewWriter(out)); err != nil {
			t.Fatal(err)
		}
		took, asked := time.Since(begin), server.Stats().Requests-before
		if most := (pages/3 + 8) * wait; took > most || out.records != pages*perPage {
			t.Errorf("%d records took %v, want at most %v", out.records, took, most)
		}
		if most := int64(pages + 3); int64(asked) > most {
			t.Errorf("%d requests, want at most %d", asked, most)
		}
	})
}
