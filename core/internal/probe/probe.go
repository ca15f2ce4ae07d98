// Package probe is a plugin that tries to break out: it does what a plugin must not, and tells what
// came of it. The same table is what `scrapekit doctor` shows of the machine at hand and what the
// tests hold the sandbox to.
//
// [Run] is the host's side. It lays out bait (files, sockets, listeners, itself), has the plugin
// try everything, and looks afterwards whether the bait was touched: the plugin's word alone does
// not count.
package probe

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/scrapekit/scrapekit/sdk"
)

// Name is the plugin's.
const Name = "probe"

// Result is what came of an attempt.
type Result struct {
	Group   string `json:"group"`            // what it is about: files, network, processes, kernel
	Name    string `json:"name"`             // what was tried, in words
	Allowed bool   `json:"allowed"`          // it succeeded
	Said    string `json:"said"`             // by the system
	Known   string `json:"known,omitempty"`  // why it may succeed at the level "strong"; "" if it never may
	Always  bool   `json:"always,omitempty"` // at the level "full" too
	Plain   bool   `json:"plain,omitempty"`  // every process may do it that is not confined, on every machine
}

// settings tell the plugin what there is to be reached.
type settings struct {
	Host     int    `json:"host"`    // the host's process
	Folder   string `json:"folder"`  // of the host's files
	Read     string `json:"read"`    // a folder that the plugin may read; "": none
	Write    string `json:"write"`   // one that it may write; "": none
	Threads  int    `json:"threads"` // more than it may have
	Memory   int    `json:"memory"`  // likewise, in bytes
	Listen   string `json:"listen"`  // name of a socket without a path that the plugin may try to be reached at
	TCP      int    `json:"tcp"`     // ports of 127.0.0.1
	TCP6     int    `json:"tcp6"`    // port of ::1; 0: there is none
	UDP      int    `json:"udp"`
	Unix     string `json:"unix"` // paths of sockets
	Datagram string `json:"datagram"`
	Abstract string `json:"abstract"` // name of a socket without a path
	Only     string `json:"only"`     // the name of a deadly attempt; "": all the others
}

// attempt is a row of the table. try returns nil if it could do what no plugin should.
type attempt struct {
	group, name string
	try         func(settings) error
	plain       bool
	deadly      bool // what denies it ends the process: it runs in one of its own
	granted     bool // it is about files that the plugin was granted
	known       string
	always      bool
	// asks the host, while the plugin runs, whether what it could do did anything; nil: it did
	seen func(context.Context, *bait) error
}

// Plugin is the plugin.
func Plugin() sdk.Plugin {
	info := sdk.Info{Name: Name, Version: "1", Doc: "Tries what no plugin may do, for scrapekit doctor."}
	return sdk.SourcePlugin(info, func(_ context.Context, s settings) (sdk.Source, error) { return source{s}, nil })
}

type source struct{ settings settings }

const stream = "attempts"

func (source) Streams(context.Context) ([]sdk.Stream, error) {
	return []sdk.Stream{{Name: stream, PrimaryKey: []string{"name"}}}, nil
}

func (source) Plan(context.Context, sdk.Plan) ([]sdk.Split, error) {
	return []sdk.Split{{ID: "all", Stream: stream}}, nil
}

func (s source) Read(_ context.Context, _ sdk.Split, w *sdk.Writer) error {
	for _, a := range attempts() {
		if a.deadly && a.name != s.settings.Only || !a.deadly && s.settings.Only != "" || a.granted &&
			s.settings.Read == "" {
			continue
		}
		if err := w.Emit(stream, a.result(a.try(s.settings))); err != nil {
			return err
		}
	}
	return nil
}

func (a attempt) result(err error) Result {
	r := Result{Group: a.group, Name: a.name, Allowed: err == nil, Said: "done", Known: a.known, Always: a.always,
		Plain: a.plain}
	if err != nil {
		r.Said = err.Error()
	}
	return r
}

// Threads and Memory are the limits of threads and memory that the plugin is to be started with:
// the usual ones would take the machine long to come to.
const (
	Threads = 400
	Memory  = 256 << 20
)

// Start is how the plugin is to be started. What it is granted is absolute.
type Start struct {
	Settings    json.RawMessage
	Read, Write []string
}

// Open starts the plugin and returns its source; stop ends it.
type Open func(ctx context.Context, s Start) (source sdk.Source, stop func(), err error)

// BeyondMemory is the attempt that a limit of memory alone denies.
const BeyondMemory = "more memory than its limit, made to be read only"

// Run has the plugin try everything, once without files and once with a folder to read and one to
// write, and returns the rows of the table in its order. A deadly attempt that ended the plugin is
// denied.
func Run(ctx context.Context, open Open) ([]Result, error) {
	b, err := layBait(ctx)
	if err != nil {
		return nil, fmt.Errorf("prepare the probe: %w", err)
	}
	defer b.close()
	bare, err := b.ask(ctx, open, false, "")
	if err != nil {
		return nil, fmt.Errorf("the probe: %w", err)
	}
	results, err := b.ask(ctx, open, true, "")
	if err != nil {
		return nil, fmt.Errorf("the probe, with files: %w", err)
	}
	for i, r := range results {
		for _, other := range bare {
			if other.Group == r.Group && other.Name == r.Name && other.Allowed && !r.Allowed {
				results[i] = other
			}
		}
	}
	results = append(results, b.look(results)...)
	for _, a := range attempts() {
		if !a.deadly {
			continue
		}
		got, err := b.ask(ctx, open, true, a.name)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		crash := interface{ Crashed() bool }(nil)
		switch {
		case err == nil && len(got) == 1:
			results = append(results, got[0])
		case errors.As(err, &crash):
			results = append(results, a.result(err))
		default:
			return nil, fmt.Errorf("the probe: %s: %w", a.name, err)
		}
	}
	inOrder(results)
	return results, nil
}

// inOrder puts together what is about the same, in the order of the table.
func inOrder(results []Result) {
	place := map[string]int{}
	for _, a := range attempts() {
		if _, known := place[a.group]; !known {
			place[a.group] = len(place)
		}
	}
	slices.SortStableFunc(results, func(a, b Result) int { return cmp.Compare(place[a.Group], place[b.Group]) })
}

// ask runs the plugin once.
func (b *bait) ask(ctx context.Context, open Open, granted bool, only string) ([]Result, error) {
	s := b.settings
	s.Only = only
	start := Start{Read: []string{s.Read}, Write: []string{s.Write}}
	if !granted {
		s.Read, s.Write, start = "", "", Start{}
	}
	var err error
	if start.Settings, err = json.Marshal(s); err != nil {
		return nil, err
	}
	source, stop, err := open(ctx, start)
	if err != nil {
		return nil, err
	}
	defer stop()
	var out collected
	err = source.Read(ctx, sdk.Split{ID: "all", Stream: stream}, sdk.NewWriter(&out))
	b.see(ctx, out.results)
	return out.results, err
}

// see asks what the host sees of what the plugin could do.
func (b *bait) see(ctx context.Context, results []Result) {
	for _, a := range attempts() {
		for i, r := range results {
			if a.seen == nil || a.name != r.Name || !r.Allowed {
				continue
			}
			if err := a.seen(ctx, b); err != nil {
				results[i].Allowed, results[i].Said = false, "done, and of no effect: "+err.Error()
			}
		}
	}
}

// collected takes what the plugin emits.
type collected struct{ results []Result }

func (c *collected) Batch(b sdk.Batch) error {
	dec := json.NewDecoder(bytes.NewReader(b.Payload))
	for dec.More() {
		var r Result
		if err := dec.Decode(&r); err != nil {
			return err
		}
		c.results = append(c.results, r)
	}
	return nil
}
func (c *collected) Cursor([]byte) error     { return nil }
func (c *collected) Split(sdk.Split) error   { return nil }
func (c *collected) Reject(sdk.Reject) error { return nil }
