package turns_test

import (
	"slices"
	"testing"

	"github.com/scrapekit/scrapekit/sdk/host/turns"
)

// TestQueue: splits take turns, one that comes again stands at its row's head, and what was taken
// out of a row leaves no turn behind.
func TestQueue(t *testing.T) {
	t.Parallel()
	var q turns.Queue[string]
	for _, v := range []string{"a1", "a2", "a3", "b1", "c1"} {
		q.Add(v[:1], v, false)
	}
	gone := q.Add("d", "d1", false)
	q.Add("a", "a0", true)
	if got := q.Remove(gone); got != "d1" || q.Len() != 6 {
		t.Errorf("removed %s, %d are left", got, q.Len())
	}
	var got []string
	for q.Len() > 0 {
		if got = append(got, q.Next()); len(got) == 2 {
			q.Add("b", "b2", false)
		}
	}
	if want := []string{"a0", "b1", "c1", "a1", "b2", "a2", "a3"}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}
