// Random histories: what a keyed store holds of the lists after any run is what the Jira has.

package jira_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/scrapekit/scrapekit/plugins/sources/jira/jiratest"
)

// store is what a keyed sink makes of the lists: raw values by stream and key.
type store map[string]map[string]string

func (s store) apply(t *testing.T, got *harvest) {
	t.Helper()
	for stream, records := range got.records {
		if s[stream] == nil {
			s[stream] = map[string]string{}
		}
		keys := map[string]bool{}
		for _, line := range records {
			key := keysOf(t, stream, []json.RawMessage{line})[0]
			if keys[key] {
				t.Errorf("%s %s comes twice in a run", stream, key)
			}
			keys[key] = true
			var r struct{ Raw json.RawMessage }
			if err := json.Unmarshal(line, &r); err != nil {
				t.Fatal(err)
			}
			s[stream][key] = string(r.Raw)
		}
	}
	for stream, keys := range got.deleted {
		for _, key := range keysOf(t, stream, keys) {
			if _, ok := s[stream][key]; !ok {
				t.Errorf("%s %s is deleted, and was never there", stream, key)
			}
			delete(s[stream], key)
		}
	}
}

func TestRandomHistoriesOfLists(t *testing.T) {
	t.Parallel()
	flavours(t, func(t *testing.T, f jiratest.Flavour) {
		for seed := range uint64(3) {
			t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
				t.Parallel()
				randomHistory(t, f, seed)
			})
		}
	})
}

func randomHistory(t *testing.T, f jiratest.Flavour, seed uint64) {
	w, h := listWorld(t, jiratest.Options{Flavour: f, Seed: seed, ListPage: 3, MaxResults: 7}, nil)
	h.inTurn, h.attempts = true, 50
	rng := rand.New(rand.NewPCG(seed, 1))
	names, kept := listNames(), store{}
	var history []string
	var mu sync.Mutex // requests come at once
	mutate := func() {
		w.advance(time.Duration(rng.IntN(600)) * time.Second)
		history = append(history, w.Mutate(rng))
	}
	for round := range 6 {
		for range 20 {
			mutate()
		}
		if round%2 == 1 { // some while it is read
			w.OnRequest(func(*http.Request) {
				mu.Lock()
				defer mu.Unlock()
				if rng.IntN(10) == 0 {
					mutate()
				}
			})
			kept.apply(t, h.run(names...))
			w.OnRequest(nil)
		}
		kept.apply(t, h.run(names...))
		for _, name := range names {
			compareStore(t, w, name, kept[name])
		}
		if t.Failed() {
			t.Fatalf("round %d, after %q", round, history[max(0, len(history)-60):])
		}
	}
}

func compareStore(t *testing.T, w *world, stream string, have map[string]string) {
	t.Helper()
	book := bookOf(w, stream)
	want := slices.Sorted(maps.Keys(book))
	if keys := slices.Sorted(maps.Keys(have)); !slices.Equal(keys, want) {
		t.Errorf("%s: %q\nwant %q", stream, keys, want)
		return
	}
	for _, key := range want {
		if !sameRaw(stream, book[key], have[key]) {
			t.Errorf("%s %s: %s\nwant %s", stream, key, have[key], book[key].JSON)
		}
	}
}
