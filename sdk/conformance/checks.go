// The list of all checks of each kind.

package conformance

import "github.com/scrapekit/scrapekit/sdk"

// Checks lists the checks of a kind in the order in which they run.
func Checks(k sdk.Kind) []Check {
	out := []Check{describeCheck, settingsCheck}
	switch k {
	case sdk.KindSource:
		out = append(out, planCheck)
		for _, c := range sourceChecks {
			out = append(out, c.Check)
		}
	case sdk.KindTransform:
		out = append(out, transformCheck)
		for _, c := range transformChecks {
			out = append(out, c.Check)
		}
	case sdk.KindSink:
		for _, c := range sinkChecks {
			out = append(out, c.Check)
		}
	}
	return out
}
