package limits

import (
	"testing"
	"time"
)

// TestLimitThatIsRaised: a limit that is stated in another size from some time on has been changed,
// and the old one holds no more. Two sizes that come by turns are two limits, of two endpoints, and
// the tighter one holds.
func TestLimitThatIsRaised(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		other int // every so many replies the old size again; 0: never
		want  float64
	}{{"raised", 0, 200}, {"two endpoints", 50, 100}} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var b Book
			now := time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
			for n := range 4000 {
				size := 100.0
				if n > 1000 && (c.other == 0 || n%c.other > 0) {
					size = 200
				}
				b.Note(Statement{Limits: []Limit{{Name: "x", Max: size, Left: size / 2, Fill: size}}}, now, now, n)
				now = now.Add(time.Duration(float64(time.Second) / size)) // as many as it gains: one costs a unit
			}
			if got := b.Verdict(now, 0, 4000).Rate; got < below*c.want || got > 1.2*c.want {
				t.Errorf("%g requests a second, want about %g", got, c.want)
			}
		})
	}
}

// TestRateBesideALimit: a rate of which nothing is said to be left is kept, and is no sign that
// nothing is.
func TestRateBesideALimit(t *testing.T) {
	t.Parallel()
	var b Book
	now := time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
	b.Note(Statement{Limits: []Limit{
		{Name: "x", Max: 200, Left: 150, Window: 4 * time.Second, Reset: 3 * time.Second},
		{Name: "x-policy", Max: 30, Left: -1, Window: time.Second},
	}}, now, now, 1)
	if got := b.Verdict(now, 0, 2).Rate; got < 29 || got > 30 {
		t.Errorf("%g requests a second, want about 30", got)
	}
	if !b.HasLeft(now) {
		t.Error("150 of 200 are left, and a rate beside them is taken for a limit that is used up")
	}
}
