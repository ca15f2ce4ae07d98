// Tests of random histories: whatever happens, the truth and the routes agree.

package jiratest

import (
	"encoding/json"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

func TestRandomHistories(t *testing.T) {
	t.Parallel()
	for _, f := range []Flavour{DataCenter, Cloud} {
		c := newClock()
		s, base := serve(t, Options{Flavour: f, Now: c.now, Auth: known, MaxResults: 1000}, 60)
		rng := rand.New(rand.NewPCG(1, uint64(f)))
		happened := map[string]int{}
		for range 2500 {
			what := s.Mutate(rng)
			happened[strings.TrimRight(what[:strings.LastIndexByte(what, ' ')], " ")]++
			c.advance(time.Second)
		}
		if len(happened) < 40 {
			t.Errorf("%v: only %d kinds of changes: %v", f, len(happened), happened)
		}
		truth := s.Truth(base, "mlindqvist")
		for _, name := range truth.Names() {
			for key, line := range truth.Of(name) {
				if !json.Valid(line.JSON) {
					t.Fatalf("%v: %s %s: %.300s", f, name, key, line.JSON)
				}
			}
		}
		api, seen := base+"/rest/api/"+versions(f)[0], 0
		comments, found := truth.Of("comments"), truth.Of("issues")
		for id := range found {
			var raw json.RawMessage
			as(t, "GET", api+"/issue/"+id+"/comment", "", 200, &raw)
			seen += compareBook(t, comments, raw, "comments", id)
		}
		if seen != len(comments) {
			t.Errorf("%v: %d comments, the records has %d", f, seen, len(comments))
		}
	}
}

func TestSameSourceSameHistory(t *testing.T) {
	t.Parallel()
	c := newClock()
	var logs [2][]string
	for i := range logs {
		s, _ := serve(t, Options{Now: c.now}, 10)
		rng := rand.New(rand.NewPCG(7, 7))
		for range 200 {
			logs[i] = append(logs[i], s.Mutate(rng), s.MutateIssue(rng))
		}
	}
	if a, b := strings.Join(logs[0], "\n"), strings.Join(logs[1], "\n"); a != b {
		t.Errorf("one history is\n%s\nand the other\n%s", a, b)
	}
}
