// Package probe is a plugin that tries to break out: it does what a plugin must not, and tells what came of it. The same table is
// what `scrapekit doctor` shows of the machine at hand and what the tests hold the sandbox to.
//
// [Run] is the host's side. It lays out bait (files, sockets, listeners, itself), has the plugin try everything, and looks
// afterwards whether the bait was touched: the plugin's word alone does not count.
package probe

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/scrapekit/scrapekit/sdk"
)

// Name is the plugin's.
const Name = "probe"

// Result is what came of an attempt.
type Result struct {
	Group   string `json:"group"`           // what it is about: files, network, processes, kernel
	Name    string `json:"name"`            // what was tried, in words
	Allowed bool   `json:"allowed"`         // it succeeded
	Said    string `json:"said"`            // by the system
	Known   string `json:"known,omitempty"` // why it may succeed at the level "strong"; "" if it never may
	Plain   bool   `json:"plain,omitempty"` // every process may do it that is not confined, on every machine
}

// settings tell the plugin what there is to be reached.
type settings struct {
	Host     int    `json:"host"`   // the host's process
	Folder   string `json:"folder"` // of the host's files
	TCP      int    `json:"tcp"`    // ports of 127.0.0.1
	TCP6     int    `json:"tcp6"`   // port of ::1; 0: there is none
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
	known       string
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
		if a.deadly && a.name != s.settings.Only || !a.deadly && s.settings.Only != "" {
			continue
		}
		if err := w.Emit(stream, a.result(a.try(s.settings))); err != nil {
			return err
		}
	}
	return nil
}

func (a attempt) result(err error) Result {
	r := Result{Group: a.group, Name: a.name, Allowed: err == nil, Said: "done", Known: a.known, Plain: a.plain}
	if err != nil {
		r.Said = err.Error()
	}
	return r
}

// Open starts the plugin with settings and returns its source; stop ends it.
type Open func(ctx context.Context, settings json.RawMessage) (source sdk.Source, stop func(), err error)

// Run has the plugin try everything, and returns the rows of the table in its order. A deadly attempt that ended the plugin is denied.
func Run(ctx context.Context, open Open) ([]Result, error) {
	b, err := layBait(ctx)
	if err != nil {
		return nil, fmt.Errorf("prepare the probe: %w", err)
	}
	defer b.close()
	results, err := b.ask(ctx, open, "")
	if err != nil {
		return nil, fmt.Errorf("the probe: %w", err)
	}
	results = append(results, b.look(results)...)
	for _, a := range attempts() {
		if !a.deadly {
			continue
		}
		got, err := b.ask(ctx, open, a.name)
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
	return results, nil
}

// ask runs the plugin once.
func (b *bait) ask(ctx context.Context, open Open, only string) ([]Result, error) {
	s := b.settings
	s.Only = only
	raw, err := json.Marshal(s)
	if err != nil {
		return nil, err
	}
	source, stop, err := open(ctx, raw)
	if err != nil {
		return nil, err
	}
	defer stop()
	var out collected
	err = source.Read(ctx, sdk.Split{ID: "all", Stream: stream}, sdk.NewWriter(&out))
	return out.results, err
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
