// Guarantees: what the checks of sinks require, by the sink's guarantee.

package conformance

import (
	"fmt"
	"slices"

	"github.com/scrapekit/scrapekit/sdk"
	"github.com/scrapekit/scrapekit/sdk/host"
)

// sinkGuarantee: the guarantee that a sink declares is complete, and the sink is able to keep it.
func sinkGuarantee(s *sinkTest) {
	s.open(sdk.Start{Run: "r1"})
	g := host.GuaranteeOf(s.sink())
	if !slices.Contains([]sdk.Delivery{sdk.ExactlyOnce, sdk.OncePerKey, sdk.AtLeastOnce}, g.Delivery) {
		s.Errorf("the sink guarantees %q, which is none of the deliveries of package sdk", g.Delivery)
	}
	if g.Why == "" {
		s.Errorf("the sink guarantees %q and does not say why", g.Delivery)
	}
	if host.AbilitiesOf(s.live.value).Open == nil && g.Delivery == sdk.ExactlyOnce {
		s.Errorf("the sink guarantees %q but is no sdk.Opener: it cannot come back to a token", g.Delivery)
	}
}

// delivered compares what is at the place with what was delivered. After a kill a sink may hold
// more, if its guarantee says so.
func (s *sinkTest) delivered(what string, got, want []string) error {
	if s.exact() {
		return firstDifference(what, got, want)
	}
	there := map[string]int{}
	for _, record := range got {
		there[record]++
	}
	for _, record := range want {
		if there[record]--; there[record] < 0 {
			return fmt.Errorf("%s: a record is lost:\n %.300s", what, record)
		}
	}
	if s.guarantee.Delivery != sdk.OncePerKey {
		return nil
	}
	slices.Sort(got)
	if once := slices.Compact(slices.Clone(got)); len(once) < len(got) {
		return fmt.Errorf("%s: %d records are there twice", what, len(got)-len(once))
	}
	return nil
}

// exact reports whether the sink must hold exactly what was committed.
func (s *sinkTest) exact() bool { return !s.killed || s.guarantee.Delivery == sdk.ExactlyOnce }
