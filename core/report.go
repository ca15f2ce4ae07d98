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
	// Killed is how a run ended that did not live to say so. No report has it; the next run goes on
	// with it.
	Killed Outcome = "killed"
)

// Report is what a run did. Records, rejects and counters are over all starts of the run, exactly;
// HTTP, connections, retries and seconds are those of this start.
type Report struct {
	Pipeline  string                    `json:"pipeline"`
	Run       string                    `json:"run"`
	Outcome   Outcome                   `json:"outcome"`
	Problem   string                    `json:"problem,omitempty"`
	Full      bool                      `json:"full,omitempty"`
	Resumed   bool                      `json:"resumed,omitempty"`
	Started   time.Time                 `json:"started"`           // of the run
	ThisStart time.Time                 `json:"this_start"`        // of this process's part
	Ended     time.Time                 `json:"ended"`             //
	Seconds   float64                   `json:"seconds"`           // of this start
	Stages    []StageReport             `json:"stages"`            // in the order of the records' way
	Splits    map[checkpoint.Status]int `json:"splits"`            //
	Missing   []Missing                 `json:"missing,omitempty"` // splits that could not be read: the first of them
	Skipped   []Missing                 `json:"skipped,omitempty"` // splits that are not to be read: nothing is missing
	// MissingMore and SkippedMore are how many more there are.
	MissingMore int                         `json:"missing_more,omitempty"`
	SkippedMore int                         `json:"skipped_more,omitempty"`
	Counters    map[string]map[string]int64 `json:"counters,omitempty"` // by heading and name
	HTTP        stats.Stats                 `json:"http"`
	// over TCP, of plugins that speak something else
	Connections []dial.Stats `json:"connections,omitempty"`
	Commits     int64        `json:"commits"`
	Groups      int64        `json:"groups"`
	Retries     int          `json:"split_retries"`
	RollBacks   int          `json:"roll_backs"`
	DeadLetters string       `json:"dead_letters,omitempty"` // the file; empty: none
	// the file with what plugins printed as they died in this start
	Crashes string `json:"crashes,omitempty"`
	Dir     string `json:"dir"` // the run's folder
}

// StageReport is what passed a stage.
type StageReport struct {
	Name string `json:"name"`
	pipeline.StageCounts
}

// Missing is a split that was not read to its end, or a part that the source has read the others
// without.
type Missing struct {
	Split   string `json:"split,omitempty"`
	Stream  string `json:"stream,omitempty"`
	Records int64  `json:"records"`         // delivered before
	Part    string `json:"part,omitempty"`  // as the source calls it; the splits are done
	Times   int64  `json:"times,omitempty"` // how often the source has met it
	Problem string `json:"problem"`
}

func (r *Run) report(res pipeline.Result) *Report {
	took := time.Since(r.started)
	ended := r.started.Add(took) // whoever sets the clock meanwhile
	if ended.Before(res.Run.Started) {
		ended = res.Run.Started
	}
	status := r.Status()
	out := &Report{
		Pipeline: r.p.config.Name, Run: res.Run.ID, Outcome: res.Outcome, Full: res.Run.Full, Resumed: res.Run.Resumed,
		Started: res.Run.Started, ThisStart: r.started, Ended: ended, Seconds: took.Seconds(),
		Splits: res.Splits, Counters: map[string]map[string]int64{}, HTTP: status.HTTP, Connections: status.Connections,
		Commits: res.Counts.Commits, Groups: res.Counts.Groups, Retries: status.Retries, RollBacks: status.RollBacks,
		Dir: r.p.home().Run(res.Run.ID),
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

// listed names splits for the report, without secrets, and says how many there are more.
func (r *Run) listed(splits []checkpoint.Split, all int) (out []Missing, more int) {
	for _, s := range splits {
		out = append(out, Missing{Split: r.p.Hide(s.ID), Stream: r.p.Hide(s.Stream), Records: s.Records,
			Problem: r.p.redact.String(s.Problem)})
	}
	return out, all - len(out)
}

// stages lists the stages in the order of the records' way, those without a record too.
func (r *Report) stages(p *Pipeline, c pipeline.Counts) {
	for _, name := range p.Stages() {
		s := StageReport{Name: name}
		if counts := c.Stages[name]; counts != nil {
			s.StageCounts = *counts
		}
		r.Stages = append(r.Stages, s)
	}
}

// counters puts what the plugins counted under its headings, and what the source has gone on
// without among what is missing.
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

// keep writes the report into the run's folder: whole or not at all, and before the state says that
// the run has ended.
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
