// The picture of a running pipeline: a status as text.

package show

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/scrapekit/scrapekit/core"
)

// view is one picture of a run.
type view struct {
	status   core.Status
	events   []string
	stopping bool
	width    int
	height   int // of the terminal; 0: unknown
	frame    int
	color    bool
	rate     func(stream string) float64
}

const spinner = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"

func (v view) render() string {
	var b strings.Builder
	frames := []rune(spinner)
	phase := v.status.Phase
	if v.stopping {
		phase = "stopping: committing what was read; Ctrl-C again stops at once"
	}
	fmt.Fprintf(&b, "%s %s  %s\n", Paint(v.color, Green, string(frames[v.frame%len(frames)])),
		Paint(v.color, Bold, phase), Paint(v.color, Faint, Brief(v.status.Elapsed)))
	v.streams(&b)
	v.stages(&b)
	v.http(&b)
	if line := oneLineOf(v.status.Connections); line != "" {
		fmt.Fprintf(&b, "  %s\n", line)
	}
	for _, w := range v.status.Waits {
		fmt.Fprintf(&b, "  %s\n", Paint(v.color, Yellow, waitText(w, time.Now())))
	}
	for _, e := range v.events {
		fmt.Fprintf(&b, "  %s\n", Paint(v.color, Faint, Cut(e, v.width-2)))
	}
	return b.String()
}

// stages draws the delivered and rejected records.
func (v view) stages(b *strings.Builder) {
	var rejected int64
	for _, s := range v.status.Counts.Stages {
		rejected += s.Rejected
	}
	for _, name := range Sorted(v.status.Counts.Stages) {
		s := v.status.Counts.Stages[name]
		if !strings.HasPrefix(name, "sink ") {
			continue
		}
		fmt.Fprintf(b, "  %s: %s records, %s", name, Count(s.Out), Size(s.BytesOut))
		if len(s.Streams) > 1 {
			var parts []string
			for _, stream := range Sorted(s.Streams) {
				parts = append(parts, stream+" "+Count(s.Streams[stream]))
			}
			fmt.Fprintf(b, " (%s)", strings.Join(parts, ", "))
		}
		fmt.Fprintln(b)
	}
	if rejected > 0 {
		fmt.Fprintf(b, "  %s\n", Paint(v.color, Yellow, Count(rejected)+" records rejected"))
	}
}

func (v view) http(b *strings.Builder) {
	t := totals(v.status.HTTP)
	if t.requests == 0 {
		return
	}
	fmt.Fprintf(b, "  HTTP: %s, %s, %s", Many(t.requests, "request"), Many(t.retries, "retry"), Size(t.bytes))
	if t.waited > 0 {
		fmt.Fprintf(b, ", waits over all requests %s", Brief(t.waited))
	}
	fmt.Fprintln(b)
	hosts := busiest(v.status.HTTP.Hosts)
	for i, h := range hosts {
		if i == shownHosts {
			fmt.Fprintf(b, "    %s\n", Paint(v.color, Faint, "… and "+Many(int64(len(hosts)-i), "host")+" more"))
			break
		}
		now := hostState(h)
		now[0] = h.Host + ": " + now[0]
		for _, line := range append(wrap(now, v.width-4), wrap(outcome(h), v.width-6)...) {
			fmt.Fprintf(b, "    %s\n", Paint(v.color, Faint, line))
		}
	}
}

// shownHosts is the number of hosts in the live view.
const shownHosts = 4

// busiest returns the hosts with the most current requests or waits first.
func busiest(hosts []core.HTTPHost) []core.HTTPHost {
	load := func(h core.HTTPHost) int { return h.InFlight + h.Queued }
	return slices.SortedStableFunc(slices.Values(hosts), func(a, b core.HTTPHost) int {
		return cmp.Or(cmp.Compare(load(b), load(a)), cmp.Compare(b.Requests, a.Requests))
	})
}

// hostState describes the current state of a host.
func hostState(h core.HTTPHost) []string {
	parts := []string{fmt.Sprintf("%d under way", h.InFlight)}
	if h.Queued > 0 {
		parts = append(parts, fmt.Sprintf("%s queued", Count(int64(h.Queued))))
	}
	parts = append(parts, limits(h)...)
	if !h.Latency.IsZero() {
		parts = append(parts, "half of the replies within "+Brief(h.Latency.Quantile(.5)))
	}
	return parts
}

// outcome describes the requests to a host so far: replies, retries and waits, with their causes.
func outcome(h core.HTTPHost) []string {
	parts := replies(h)
	for _, more := range []struct {
		heading string
		parts   []string
	}{{"retries: ", list(h.Retries)}, {"waits: ", waits(h)}, {"states: ", stated(h)}} {
		if len(more.parts) > 0 {
			more.parts[0] = more.heading + more.parts[0]
			parts = append(parts, more.parts...)
		}
	}
	if len(parts) > 0 {
		parts[0] = "  " + parts[0]
	}
	return parts
}

// wrap joins parts by commas into lines of a width. It cuts only parts that are wider.
func wrap(parts []string, columns int) []string {
	var lines []string
	for i, part := range parts {
		if i+1 < len(parts) {
			part += ","
		}
		last := len(lines) - 1
		if last >= 0 && utf8.RuneCountInString(lines[last])+1+utf8.RuneCountInString(part) <= columns {
			lines[last] += " " + part
			continue
		}
		if last >= 0 {
			part = "  " + part
		}
		lines = append(lines, Cut(part, columns))
	}
	return lines
}

// oneLine describes a status in one line, for a pipe.
func oneLine(s core.Status) string {
	parts := []string{s.Phase}
	some, others := shown(s.Streams, shownPlain)
	for _, st := range some {
		parts = append(parts, fmt.Sprintf("%s %.0f%%: %s records, splits %d of %d", st.Stream, share(st)*100,
			Count(st.Records), st.Done, st.Splits))
	}
	if len(others) > 0 {
		parts = append(parts, others.text())
	}
	for _, name := range Sorted(s.Counts.Stages) {
		if strings.HasPrefix(name, "sink ") {
			parts = append(parts, fmt.Sprintf("%s %s records", name, Count(s.Counts.Stages[name].Out)))
		}
	}
	if t := totals(s.HTTP); t.requests > 0 {
		text := Many(t.requests, "request") + ", " + Many(t.retries, "retry")
		if t.waited >= time.Second {
			text += ", waits over all requests " + Brief(t.waited)
		}
		parts = append(parts, text)
	}
	for _, w := range s.Waits {
		parts = append(parts, waitText(w, time.Now()))
	}
	return strings.Join(parts, " | ")
}

// waitText describes a wait: "jira.example.com: 429, retry in 12 s".
func waitText(w core.Wait, now time.Time) string {
	where, cause := w.Host, w.Cause
	if w.Bucket != "" {
		where += " (" + w.Bucket + ")"
	}
	if w.By != "" {
		cause += " (" + w.By + ")"
	}
	left := w.Until.Sub(now)
	text := fmt.Sprintf("%s: %s, retry in %s", where, cause, Brief(left))
	if left > time.Minute {
		text += ", at " + w.Until.Local().Format("15:04")
	}
	return text
}
