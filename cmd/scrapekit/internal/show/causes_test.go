package show

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/scrapekit/scrapekit/core"
	"github.com/scrapekit/scrapekit/core/observe"
)

func TestCausesAreToldOnce(t *testing.T) {
	t.Parallel()
	var c causes
	down := func(split string) observe.Event {
		return observe.SplitRetried{Split: split, Err: errors.New(split + ": host.example is down")}
	}
	broken := observe.SplitBroken{Split: "b", Err: errors.New("host.example is down")}
	var told []bool
	for _, e := range []observe.Event{observe.Planned{}, observe.Planned{}, down("a"), down("b"), down("b"), down("c"),
		broken,
		broken} {
		told = append(told, c.suppress(e))
	}
	if want := []bool{false, false, false, true, true, true, false, true}; !slices.Equal(told, want) {
		t.Errorf("told %v, want %v", told, want)
	}
	want := []string{"the same 3 times more, in 2 splits: host.example is down",
		"given up for this run too, 1 split: host.example is down"}
	if got := c.more(); !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	if got := c.more(); len(got) != 0 {
		t.Errorf("told twice: %q", got)
	}
}

func TestGapsByCause(t *testing.T) {
	t.Parallel()
	missing := []core.Missing{{Split: "alone", Records: 7, Problem: "alone: 404"}}
	for i := range 16 {
		missing = append(missing, core.Missing{Split: fmt.Sprint("s", i), Records: 2, Problem: "the host is down"})
	}
	for _, part := range []string{"board 1", "board 2"} {
		missing = append(missing, core.Missing{Part: part, Times: 2, Problem: "the host is down"})
	}
	want := []string{"alone (7 records of it are delivered): 404",
		"s0, s1, s2, s3, s4 and 11 more splits (32 records of them are delivered): the host is down",
		"board 1 (2 times), board 2 (2 times): the host is down"}
	var got []string
	for _, g := range gaps(missing) {
		got = append(got, g.String())
	}
	if !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}
