package limits

import (
	"testing"
	"time"
)

// TestLimitThatIsRaised: a limit that is stated in another size from some time on has been changed, and the old one holds no more. Two sizes that come
// by turns are two limits, of two endpoints, and the tighter one holds.
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
				now = now.Add(10 * time.Millisecond)
			}
			if got := b.Verdict(now, 0, 4000).Rate; got < below*c.want || got > 1.2*c.want {
				t.Errorf("%g requests a second, want about %g", got, c.want)
			}
		})
	}
}
