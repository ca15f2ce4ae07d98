// Windows: cover everything, balance what they can, cost little.

package jira

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/scrapekit/scrapekit/sdk"
)

// histories are how projects come to have their issues: created times, ascending.
func histories() map[string][]int64 {
	const n = 20_000
	start := time.Date(2011, 7, 19, 8, 0, 3, 0, time.UTC).UnixMilli()
	day := 24 * time.Hour.Milliseconds()
	even, growing, imported, burst := make([]int64, n), make([]int64, n), make([]int64, n), make([]int64, n)
	for i := range int64(n) {
		even[i] = start + i*day/4
		growing[i] = start + 5000*day - (n-i)*(n-i)*day/100_000
		imported[i] = start + i*10 // all within four minutes
		burst[i] = start + 3000*day + i*200
	}
	burst[0], burst[n-1] = start, start+6000*day
	return map[string][]int64{"even": even, "growing": growing, "imported": imported, "burst": burst}
}

func TestBisect(t *testing.T) {
	t.Parallel()
	for name, created := range histories() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			count := func(w window) int64 {
				from, _ := slices.BinarySearch(created, w.from)
				to, _ := slices.BinarySearch(created, w.to)
				return int64(to - from)
			}
			s := &Source{Config: Config{SplitSize: 1000}}
			whole := window{floorMinute(created[0]), floorMinute(created[len(created)-1]) + minute, int64(len(created))}
			requests := 0
			parts, err := s.bisect(whole, func(w window) (int64, error) {
				requests++
				return count(w), nil
			})
			if err != nil {
				t.Fatal(err)
			}
			next, total, largest := whole.from, int64(0), int64(0)
			for _, p := range parts {
				if p.from != next || p.to <= p.from || p.from%minute != 0 || p.count != count(p) {
					t.Errorf("window %+v after %d; it holds %d", p, next, count(p))
				}
				next = p.to
				total += p.count
				if p.to-p.from > minute {
					largest = max(largest, p.count)
				}
			}
			if next != whole.to || total != whole.count {
				t.Errorf("windows end at %d of %d with %d issues", next, whole.to, total)
			}
			if requests > 60 || largest > 3000 || len(parts) > 40 {
				t.Errorf("%d windows, the largest of %d issues, by %d requests", len(parts), largest, requests)
			}
		})
	}
}

func TestBisectTakesWrongCounts(t *testing.T) {
	t.Parallel()
	s := &Source{Config: Config{SplitSize: 100}}
	whole := window{0, 1000 * minute, 5000}
	for _, wrong := range []int64{0, 1 << 40} {
		parts, err := s.bisect(whole, func(window) (int64, error) { return wrong, nil })
		if err != nil || parts[0].from != whole.from || parts[len(parts)-1].to != whole.to {
			t.Errorf("count %d: %v, %v", wrong, parts, err)
		}
		for i := 1; i < len(parts); i++ {
			if parts[i].from != parts[i-1].to {
				t.Fatalf("count %d: a gap before %+v", wrong, parts[i])
			}
		}
	}
}

func TestGaps(t *testing.T) {
	t.Parallel()
	full := func(project string, from, to int64) walkDone {
		return walkDone{done: done{part: part{Projects: []string{project}, From: from, To: to}}}
	}
	for name, c := range map[string]struct {
		previous []walkDone
		want     []window
	}{
		"nothing":      {nil, []window{{}}},
		"all":          {[]walkDone{full("A", 0, 0)}, nil},
		"all in parts": {[]walkDone{full("A", 20, 0), full("A", 0, 20)}, nil},
		"first":        {[]walkDone{full("A", 20, 0)}, []window{{to: 20}}},
		"middle":       {[]walkDone{full("A", 0, 20), full("A", 30, 0)}, []window{{from: 20, to: 30}}},
		"last":         {[]walkDone{full("A", 0, 20), full("A", 10, 15)}, []window{{from: 20}}},
		"other's":      {[]walkDone{full("B", 0, 0)}, []window{{}}},
		"only updates": {[]walkDone{{done: done{part: part{Projects: []string{"A"}, Since: []since{{}}}}}},
			[]window{{}}},
	} {
		if got := gaps("A", c.previous); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

func TestManyProjectsShareFewUpdateSplits(t *testing.T) {
	t.Parallel()
	var projects []string
	var previous []walkDone
	for i := range 200 {
		p := fmt.Sprintf("P%d", i)
		projects = append(projects, p)
		previous = append(previous, walkDone{done: done{part: part{Projects: []string{p},
			Floor: int64(i%2+1) * minute}}})
	}
	splits := updateSplitsOf(part{}, projects, previous)
	if len(splits) == 0 || len(splits) > updateSplits {
		t.Fatalf("%d splits", len(splits))
	}
	fewer := updateSplitsOf(part{}, projects[:100], previous)
	for _, s := range fewer {
		if !slices.ContainsFunc(splits, func(o sdk.Split) bool { return o.ID == s.ID }) {
			t.Errorf("split %s is not stable", s.ID)
		}
	}
}
