// Report: what a run did, for people and for programs.

package core

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/scrapekit/scrapekit/core/internal/checkpoint"
	"github.com/scrapekit/scrapekit/core/internal/dial"
	"github.com/scrapekit/scrapekit/core/internal/disk"
	"github.com/scrapekit/scrapekit/core/internal/fetch/stats"
	"github.com/scrapekit/scrapekit/core/internal/pipeline"
	"github.com/scrapekit/scrapekit/sdk/host/hint"
)

// ReportFile is the name of the report in a run's folder.
const ReportFile = "report.json"

// Outcome says how a run ended.
type Outcome = checkpoint.Outcome

// The outcomes.
const (
	Complete    = checkpoint.Complete
	Incomplete  = checkpoint.Incomplete
	Interrupted = checkpoint.Interrupted
	Failed      = checkpoint.Failed
	// Killed is the outcome of a run that did not end by itself. No report contains it. The next
	// run resumes it.
	Killed Outcome = "killed"
)

// Report is what a run did. Records, rejects and counters are exact and cover all starts of the
// run. HTTP, connections, retries and seconds cover this start only.
type Report struct {
	Pipeline  string                    `json:"pipeline"`
	Run       string                    `json:"run"`
	Outcome   Outcome                   `json:"outcome"`
	Problem   string                    `json:"problem,omitempty"`
	Full      bool                      `json:"full,omitempty"`
	Resumed   bool                      `json:"resumed,omitempty"`
	Started   time.Time                 `json:"started"`           // when the run began
	ThisStart time.Time                 `json:"this_start"`        // when this process began
	Ended     time.Time                 `json:"ended"`             //
	Seconds   float64                   `json:"seconds"`           // duration of this start
	Stages    []StageReport             `json:"stages"`            // source, transforms, sinks
	Splits    map[checkpoint.Status]int `json:"splits"`            //
	Missing   []Missing                 `json:"missing,omitempty"` // the first splits that could not be read
	// splits that the source left out on purpose: nothing is missing
	Skipped []Missing `json:"skipped,omitempty"`
	// MissingMore and SkippedMore are the numbers of further ones.
	MissingMore int                         `json:"missing_more,omitempty"`
	SkippedMore int                         `json:"skipped_more,omitempty"`
	Counters    map[string]map[string]int64 `json:"counters,omitempty"` // by heading and name
	HTTP        stats.Stats                 `json:"http"`
	// Connections are TCP connections of plugins that use protocols other than HTTP.
	Connections []dial.Stats `json:"connections,omitempty"`
	// Writes is how long batches took to write in this start, by sink; CommitTook is the same of
	// commits.
	Writes      map[string]Histogram `json:"writes,omitempty"`
	CommitTook  Histogram            `json:"commit_took,omitzero"`
	Commits     int64                `json:"commits"`
	Groups      int64                `json:"groups"`
	Retries     int                  `json:"split_retries"`
	RollBacks   int                  `json:"roll_backs"`
	DeadLetters string               `json:"dead_letters,omitempty"` // path of the file; empty: none
	// Crashes is the path of the file with what plugins printed as they died in this start.
	Crashes string `json:"crashes,omitempty"`
	Dir     string `json:"dir"` // the run's folder
}

// StageReport counts what passed a stage.
type StageReport struct {
	Name string `json:"name"`
	pipeline.StageCounts
}

// Missing is a split that was not read to its end, or a part that the source left out of complete
// splits.
type Missing struct {
	Split   string `json:"split,omitempty"`
	Stream  string `json:"stream,omitempty"`
	Records int64  `json:"records"`         // delivered before the split broke
	Part    string `json:"part,omitempty"`  // the source's name of the part; its splits are done
	Times   int64  `json:"times,omitempty"` // how often the source met it
	Problem string `json:"problem"`
}

func (r *Run) report(res pipeline.Result) *Report {
	took := time.Since(r.started)
	ended := r.started.Add(took) // monotonic: independent of changes to the clock
	if ended.Before(res.Run.Started) {
		ended = res.Run.Started
	}
	status := r.Status()
	out := &Report{
		Pipeline: r.p.config.Name, Run: res.Run.ID, Outcome: res.Outcome, Full: res.Run.Full, Resumed: res.Run.Resumed,
		Started: res.Run.Started, ThisStart: r.started, Ended: ended, Seconds: took.Seconds(),
		Splits: res.Splits, Counters: map[string]map[string]int64{}, HTTP: status.HTTP, Connections: status.Connections,
		Commits: res.Counts.Commits, Groups: res.Counts.Groups, Retries: status.Retries, RollBacks: status.RollBacks,
		Writes: status.Writes, CommitTook: status.CommitTook, Dir: r.p.home().Run(res.Run.ID),
	}
	if res.Err != nil {
		out.Problem = r.p.redact.String(res.Err.Error())
	}
	out.stages(r.p, res.Counts)
	out.Missing, out.MissingMore = r.listed(res.Broken, res.Splits[checkpoint.Broken])
	out.Skipped, out.SkippedMore = r.listed(res.Skipped, res.Splits[checkpoint.Skipped])
	out.counters(r.p, res.Counts)
	if len(out.Missing) > 0 && out.Outcome == Complete {
		out.Outcome = Incomplete
	}
	if _, err := os.Stat(r.letters.Path()); err == nil && out.rejected() > 0 {
		out.DeadLetters = r.letters.Path()
	}
	return out
}

// listed returns the splits for the report, without secrets, and the number of further ones.
func (r *Run) listed(splits []checkpoint.Split, all int) (out []Missing, more int) {
	for _, s := range splits {
		out = append(out, Missing{Split: r.p.Hide(s.ID), Stream: r.p.Hide(s.Stream), Records: s.Records,
			Problem: r.p.redact.String(s.Problem)})
	}
	return out, all - len(out)
}

// stages adds every stage in order (source, transforms, sinks), including those without records.
func (r *Report) stages(p *Pipeline, c pipeline.Counts) {
	for _, name := range p.Stages() {
		s := StageReport{Name: name}
		if counts := c.Stages[name]; counts != nil {
			s.StageCounts = *counts
		}
		r.Stages = append(r.Stages, s)
	}
}

// counters adds the plugins' counters by heading, and adds what the source left out to the missing
// parts.
func (r *Report) counters(p *Pipeline, c pipeline.Counts) {
	for _, path := range slices.Sorted(maps.Keys(c.Counters)) {
		n := c.Counters[path]
		heading, name, ok := strings.Cut(path, "/")
		if ok && heading == hint.Missing {
			part, why, _ := strings.Cut(name, ": ")
			r.Missing = append(r.Missing, Missing{Part: p.redact.String(part), Times: n, Problem: p.redact.String(why)})
			continue
		}
		if !ok {
			heading, name = "counters", path
		}
		if r.Counters[heading] == nil {
			r.Counters[heading] = map[string]int64{}
		}
		r.Counters[heading][name] += n
	}
}

func (r *Report) rejected() int64 {
	var n int64
	for _, s := range r.Stages {
		n += s.Rejected
	}
	return n
}

// keep writes the report to the run's folder atomically, before the state says that the run has
// ended.
func (r *Report) keep(dir string) error {
	raw, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return fmt.Errorf("report: %w", err)
	}
	if err := disk.MakeDir(dir, 0o755); err != nil {
		return fmt.Errorf("report: %w", err)
	}
	if err := disk.ReplaceMode(filepath.Join(dir, ReportFile), append(raw, '\n'), true, 0o644); err != nil {
		return fmt.Errorf("report: %w", err)
	}
	return nil
}
