// The sweep: one change of each kind at each request of a run, in all the settings that decide how
// pages meet; nothing is lost. By default a few changes are played in each setting.
//
//	SCRAPEKIT_SWEEP=100 go test -run TestSweep -timeout 60m ./plugins/sources/jira     a hundred in each
//	SCRAPEKIT_SWEEP=0 ...                                                              all of them

package jira_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/scrapekit/scrapekit/plugins/sources/jira/internal/jiratest"
	"github.com/scrapekit/scrapekit/sdk/sdktest/crashtest"
)

// sweepPlays is how many changes are played in each setting by default.
const sweepPlays = 1

// sweepSetting is what a play of the sweep goes through.
type sweepSetting struct {
	flavour jiratest.Flavour
	places  bool // page tokens name places
	pages   int  // 0: the server's own
	own     bool // the pages are as long as the source's settings say, not as the server lets
	spacing time.Duration
	later   bool // in a later run: the change comes into a walk over updates
	site    sweepSite
}

// sweepSite is what else a site may be like.
type sweepSite struct {
	name    string
	pace    time.Duration // from request to request
	options jiratest.Options
}

func sweepSites() []sweepSite {
	half := time.FixedZone("off", -9*3600-1800)
	silent := jiratest.Quirks{OmitTotal: true, OmitIsLast: true}
	ahead := jiratest.Quirks{OtherDate: 10 * time.Second, RepeatLastToken: true}
	return []sweepSite{
		{"plain", 0, jiratest.Options{}},
		{"minutes, half an hour off", 7 * time.Second, jiratest.Options{JQLPrecision: time.Minute, TimeZone: half}},
		{"seconds, lag", 3 * time.Second, jiratest.Options{JQLPrecision: time.Second, IndexLag: 8 * time.Second}},
		{"lag without total", 3 * time.Second, jiratest.Options{IndexLag: 20 * time.Second, Quirks: silent}},
		{"clocks differ", 0, jiratest.Options{Quirks: jiratest.Quirks{InfoDate: -10 * time.Second}}},
		{"clocks differ otherwise", time.Second, jiratest.Options{Quirks: ahead}},
	}
}

func sweepSettings() []sweepSetting {
	var all []sweepSetting
	for _, site := range sweepSites() {
		for _, flavour := range []jiratest.Flavour{jiratest.DataCenter, jiratest.Cloud} {
			for _, places := range []bool{false, true}[:1+flavour] {
				for _, pages := range []int{1, 2, 3, 0} {
					for _, spacing := range []time.Duration{0, 20 * time.Second, 10 * time.Minute} {
						for _, later := range []bool{false, true} {
							own := pages > 0 && len(all)%2 == 0
							all = append(all, sweepSetting{flavour, places, pages, own, spacing, later, site})
						}
					}
				}
			}
		}
	}
	return all
}

func (s sweepSetting) String() string {
	return fmt.Sprintf("%s places=%v pages=%d own=%v spacing=%v later=%v %s",
		s.flavour, s.places, s.pages, s.own, s.spacing, s.later, s.site.name)
}

// sweepChange changes an issue.
type sweepChange func(w *world, key string) error

// sweepChanges are the changes, of an issue of ALPHA or beside it. Pages that overlap by one need
// two that go away.
func sweepChanges() []sweepChange {
	return []sweepChange{
		func(w *world, key string) error { return edited(key)(w) },
		func(w *world, key string) error { _, err := w.Comment(key, "a word"); return err },
		func(w *world, key string) error { _, err := w.Move(key, "BETA"); return err },
		func(w *world, key string) error {
			if _, err := w.Move(key, "BETA"); err != nil {
				return err
			}
			_, err := w.Move(key, "ALPHA")
			return err
		},
		func(w *world, key string) error { return w.Delete(key) },
		func(w *world, key string) error { return errors.Join(w.Delete(key), w.Delete("ALPHA-4")) },
		func(w *world, key string) error {
			return errors.Join(edited(key)(w), edited("ALPHA-4")(w), edited("ALPHA-5")(w))
		},
		func(w *world, _ string) error {
			_, err := w.Create("ALPHA", map[string]any{"summary": "new"})
			return err
		},
	}
}

// sweepIssues are the numbers of the issues that change.
var sweepIssues = []int{1, 2, 3}

//ci:plain
func TestSweep(t *testing.T) {
	crashtest.Plain(t)
	t.Parallel()
	most := setting(t, "SCRAPEKIT_SWEEP", sweepPlays)
	changes := sweepChanges()
	settings := sweepSettings()
	const parts = 8
	for part := range parts {
		t.Run(fmt.Sprint(part), func(t *testing.T) {
			t.Parallel()
			plays := 0
			for n := part; n < len(settings); n += parts {
				s := settings[n]
				requests, wrong := s.play(t, nil, "", 0)
				all := requests * len(changes) * len(sweepIssues)
				turns := rand.New(rand.NewPCG(uint64(n), 9)).Perm(all)
				if most > 0 {
					turns = turns[:min(most, all)]
				}
				for _, turn := range turns {
					if len(wrong) > 0 {
						break
					}
					change, rest := turn%len(changes), turn/len(changes)
					key, at := fmt.Sprint("ALPHA-", sweepIssues[rest%len(sweepIssues)]), rest/len(sweepIssues)+1
					if _, wrong = s.play(t, changes[change], key, at); len(wrong) > 0 {
						t.Errorf("change %d of %s at request %d of %d", change, key, at, requests)
					}
				}
				if len(wrong) > 0 {
					t.Errorf("%s:\n%s", s, strings.Join(wrong, "\n"))
				}
				plays += len(turns) + 1
			}
			t.Logf("%d plays", plays)
		})
	}
}

// play has a change happen at a request of a run, and returns how many requests the run made and
// what was lost. It takes virtual time, of which this machine's clock knows none.
func (s sweepSetting) play(t *testing.T, change sweepChange, key string, at int) (requests int, wrong []string) {
	synctest.Test(t, func(t *testing.T) { requests, wrong = s.played(t, change, key, at) })
	return requests, wrong
}

func (s sweepSetting) played(t *testing.T, change sweepChange, key string, at int) (requests int, wrong []string) {
	o := s.site.options
	o.Flavour, o.Quirks.PlaceTokens = s.flavour, s.places
	settings := map[string]any{"content": "raw"} // without the names of fields, which take longer than the rest
	switch {
	case s.own:
		settings["page_size"] = s.pages
	case s.pages > 0:
		o.MaxResults = s.pages
	}
	w := quietWorld(o)
	h := newHost(t, w, settings)
	h.inTurn = true
	w.fill(t, "ALPHA", 5, s.spacing)
	w.fill(t, "BETA", 2, s.spacing)
	w.advance(time.Hour)
	latest := map[string]record{}
	run := func() {
		got, err := h.tryRun("issues")
		if err != nil {
			wrong = append(wrong, err.Error())
		}
		for _, r := range got.of(t, "issues") {
			if latest[r.ID].Updated <= r.Updated {
				latest[r.ID] = r
			}
		}
	}
	if s.later {
		run()
		for n := range 4 {
			w.advance(s.spacing)
			must(t, w.Edit(fmt.Sprint("ALPHA-", 1+n), map[string]any{"summary": "later"}))
			if n == 2 {
				w.advance(30 * time.Minute) // the last one stands in the overlap
			}
		}
		w.advance(time.Minute)
	}
	var turn sync.Mutex // pages are asked for ahead
	w.OnRequest(func(*http.Request) {
		turn.Lock()
		defer turn.Unlock()
		w.advance(s.site.pace)
		if requests++; requests == at {
			must(t, change(w, key))
		}
	})
	run()
	w.OnRequest(nil)
	made := requests // of the run
	if at > 0 {      // once more under the same second
		for _, b := range w.Snapshot() {
			if b.Key == key {
				_, err := w.Comment(key, "another word")
				must(t, err)
			}
		}
	}
	for range 2 {
		w.advance(time.Hour)
		run()
	}
	return made, append(wrong, unbalanced(t, w, latest)...)
}
