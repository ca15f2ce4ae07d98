// HTTP requests, in the report and the live view.

package show

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/scrapekit/scrapekit/core"
)

// printHTTP prints the requests to each host.
func printHTTP(w io.Writer, s core.HTTPStats) {
	for _, h := range s.Hosts {
		fmt.Fprintf(w, "\nHTTP %s: %s\n", h.Host,
			strings.Join(append([]string{Many(h.Requests, "request")}, replies(h)...), ", "))
		for _, line := range []struct {
			heading string
			parts   []string
		}{
			{"received", transfer(h)},
			{"time of a reply", latency(h)},
			{"cache", cached(h)},
			{"retries", list(h.Retries)},
			{"waits, over all requests", waits(h)},
			{"limits at the end", limits(h)},
			{"stated by the host", stated(h)},
		} {
			if len(line.parts) > 0 {
				fmt.Fprintf(w, "  %s: %s\n", line.heading, strings.Join(line.parts, ", "))
			}
		}
	}
}

func replies(h core.HTTPHost) []string {
	var out []string
	for _, status := range slices.Sorted(maps.Keys(h.Status)) {
		out = append(out, fmt.Sprintf("%s × %d", Count(h.Status[status]), status))
	}
	if len(h.Errors) > 0 {
		out = append(out, "broken: "+byName(h.Errors))
	}
	return out
}

// transfer describes the traffic, connections and protocol of a host.
func transfer(h core.HTTPHost) []string {
	out := []string{Size(h.BytesIn)}
	if h.BytesDecoded > h.BytesIn {
		out = []string{fmt.Sprintf("%s compressed to %s", Size(h.BytesDecoded), Size(h.BytesIn))}
	}
	if h.Connections > 0 {
		out = append(out, Many(h.Connections, "connection")+" opened")
	}
	if n := h.Connections + h.Reused; n > 0 {
		out = append(out, fmt.Sprintf("%d %% of requests over an open one", 100*h.Reused/n))
	}
	for _, name := range Sorted(h.Protocols) {
		if name != "" {
			out = append(out, name)
		}
	}
	return out
}

func latency(h core.HTTPHost) []string {
	if h.Latency.IsZero() {
		return nil
	}
	return spread(h.Latency)
}

// spread describes durations.
func spread(l core.Histogram) []string {
	return []string{"half within " + Brief(l.Quantile(.5)), "90 % within " + Brief(l.Quantile(.9)),
		"99 % within " + Brief(l.Quantile(.99)), "longest " + Brief(l.Max)}
}

func cached(h core.HTTPHost) []string {
	c := h.Cache
	if c.Hits+c.Revalidated+c.Stale+c.Misses == 0 {
		return nil
	}
	return []string{Count(c.Hits) + " answered from it", Count(c.Revalidated) + " confirmed by a 304",
		Count(c.Stale) + " past their time", Count(c.Misses) + " not in it", Size(c.BytesSaved) + " saved"}
}

func list(m map[string]int64) []string {
	if len(m) == 0 {
		return nil
	}
	return []string{byName(m)}
}

func waits(h core.HTTPHost) []string {
	var out []string
	for _, cause := range Sorted(h.Waits) {
		out = append(out, fmt.Sprintf("%s %s", cause, Brief(h.Waits[cause].Total)))
	}
	return out
}

// limits describes the latest limits of a host and where they come from.
func limits(h core.HTTPHost) []string {
	out := held(h.Rate, h.RateFrom, h.Limit, h.LimitFrom, h.LimitOf)
	for _, b := range h.Buckets {
		if parts := held(b.Rate, b.RateFrom, b.Limit, b.LimitFrom, b.LimitOf); len(parts) > 0 {
			out = append(out, b.Name+": "+strings.Join(parts, ", "))
		}
	}
	return out
}

func held(rate float64, rateFrom string, limit int, limitFrom, of string) []string {
	named := func(from string) string {
		if from == "stated" && of != "" {
			return "stated: " + of
		}
		return from
	}
	var out []string
	if rate > 0 {
		out = append(out, fmt.Sprintf("%.1f requests/s (%s)", rate, named(rateFrom)))
	}
	if limit > 0 && limitFrom != "start" {
		out = append(out, fmt.Sprintf("%d at once (%s)", limit, named(limitFrom)))
	}
	return out
}

// stated describes the limits that a host states, as understood.
func stated(h core.HTTPHost) []string {
	out := slices.Clone(h.Stated)
	for _, b := range h.Buckets {
		for _, s := range b.Stated {
			out = append(out, b.Name+": "+s)
		}
	}
	return out
}
