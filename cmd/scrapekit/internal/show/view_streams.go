// The streams of a running pipeline: active ones first, as many as fit.

package show

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/scrapekit/scrapekit/core"
)

const (
	// shownPlain is the number of streams in a line of the plain output.
	shownPlain = 5
	// besideStreams is the number of lines reserved for everything else.
	besideStreams = 16
)

// folded are the streams that do not fit.
type folded []core.StreamProgress

// shown splits the streams into those that fit and others. Active and broken ones take precedence
// over those to come, and these over finished ones.
func shown(all []core.StreamProgress, most int) ([]core.StreamProgress, folded) {
	if len(all) <= most {
		return all, nil
	}
	turn := func(s core.StreamProgress) int {
		switch {
		case s.Broken > 0 || s.Done < s.Splits && (s.Done > 0 || s.Records > 0):
			return 0
		case s.Done < s.Splits:
			return 1
		}
		return 2
	}
	ordered := slices.SortedStableFunc(slices.Values(all),
		func(a, b core.StreamProgress) int { return cmp.Compare(turn(a), turn(b)) })
	return ordered[:most-1], ordered[most-1:]
}

// text describes the streams in one line.
func (f folded) text() string {
	var done, records int64
	for _, s := range f {
		records += s.Records
		if s.Splits > 0 && s.Done == s.Splits {
			done++
		}
	}
	text := fmt.Sprintf("… and %s more, %s of them done", Many(int64(len(f)), "stream"), Count(done))
	if records > 0 {
		text += ": " + Count(records) + " records"
	}
	return text
}

// streams draws the streams.
func (v view) streams(b *strings.Builder) {
	most := len(v.status.Streams)
	if v.height > 0 {
		most = max(v.height-besideStreams, shownPlain)
	}
	some, others := shown(v.status.Streams, most)
	width := 12
	for _, s := range some {
		width = max(width, len(s.Stream))
	}
	for _, s := range some {
		fmt.Fprintln(b, v.stream(s, width))
	}
	if len(others) > 0 {
		fmt.Fprintf(b, "  %s\n", Paint(v.color, Faint, others.text()))
	}
}

// stream draws a stream: a bar by splits and records, the rate, the remaining time. width is that
// of its name.
func (v view) stream(s core.StreamProgress, width int) string {
	share := share(s)
	const cells = 24
	full := int(share * cells)
	bar := Paint(v.color, Green, strings.Repeat("█", full)) + Paint(v.color, Faint, strings.Repeat("░", cells-full))
	perSecond := v.rate(s.Stream)
	text := fmt.Sprintf("  %-*s %s %3.0f%%  %s records  %s/s  splits %d of %d", width, s.Stream, bar, share*100,
		Count(s.Records), Count(int64(perSecond)), s.Done, s.Splits)
	if s.Broken > 0 {
		text += Paint(v.color, Red, fmt.Sprintf(", %d broken", s.Broken))
	}
	if left := s.Estimate - s.Records; left > 0 && perSecond >= 1 {
		text += "  about " + Brief(time.Duration(float64(left)/perSecond*float64(time.Second))) + " left"
	}
	return text
}

// share returns the finished part of a stream: by records if estimated, otherwise by splits.
func share(s core.StreamProgress) float64 {
	switch {
	case s.Splits > 0 && s.Done == s.Splits:
		return 1
	case s.Estimate > 0:
		return min(0.99, float64(s.Records)/float64(s.Estimate))
	case s.Splits > 0:
		return float64(s.Done) / float64(s.Splits)
	}
	return 0
}
