// Conformance: a plugin of a pipeline file is tested from outside, with the settings that the file gives it.

package core

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/scrapekit/scrapekit/core/internal/config"
	"github.com/scrapekit/scrapekit/core/internal/disk"
	"github.com/scrapekit/scrapekit/core/internal/plugintest"
	"github.com/scrapekit/scrapekit/sdk"
	"github.com/scrapekit/scrapekit/sdk/conformance"
)

// CheckResult is a check and what came of it.
type CheckResult = plugintest.Result

// CheckStatus is what came of a check.
type CheckStatus = plugintest.Status

// All of them.
const (
	CheckPassed  = plugintest.Passed
	CheckFailed  = plugintest.Failed
	CheckSkipped = plugintest.Skipped
	CheckNotRun  = plugintest.NotRun
)

// Check is one that a plugin is held to.
type Check = conformance.Check

// PluginChecks lists the checks of a kind.
func PluginChecks(k sdk.Kind) []Check { return plugintest.Checks(k) }

// ConformanceOptions say which plugin of the file is tested, and how.
type ConformanceOptions struct {
	// Plugin is the program, as an absolute path, or the name of a first-party plugin.
	Plugin string
	// Checks are the names of those to run; nil: all.
	Checks []string
	// MaxResumes is how many cursors of a split are resumed from; 0: all.
	MaxResumes int
	// Records is how many records a transform is tested with, 0: 200, and how many those of a source may be at most, 0: 20,000.
	Records int
	Sink    SinkOptions
	// Begin is told what is tested, Done each result. Both may be nil.
	Begin func(sdk.Info)
	Done  func(CheckResult)
}

// SinkOptions say what only the author of a sink knows.
type SinkOptions struct {
	// Place is a setting that names where the sink writes and is no path: the prefix of keys, a table. Each check adds a name of its own
	// to it. "": the sink writes to files.
	Place string
	// Read is a program that prints the records of a stream that are in a folder, one JSON object a line: it is called with
	// the folder, the name of the stream and, if there is one, the place. "": the sink writes JSON Lines, to files in whose paths the stream's name is.
	Read string
	// Replaces says that a run replaces what earlier ones wrote, Keyed that of records with one key only the last is there.
	Replaces, Keyed bool
	Rounds          int // of the random walk; 0: 60
}

// maxSourceRecords bounds what a source is tested with: each check reads much of it again.
const maxSourceRecords = 20_000

// ErrNotTested is the cause of a test that the options do not allow.
var ErrNotTested = errors.New("nothing is tested")

// Conformance tests a plugin. The error says that it could not be tested; that it fails checks is in the results.
func (p *Pipeline) Conformance(ctx context.Context, o ConformanceOptions) ([]CheckResult, error) {
	b, err := p.blockOfPlugin(o.Plugin)
	if err != nil {
		return nil, err
	}
	if err := plugintest.Names(b.Kind, o.Checks); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNotTested, err)
	}
	parts, closeAll, err := p.assembleAside()
	if err != nil {
		return nil, err
	}
	results, err := parts.conformance(ctx, b, o)
	return results, p.redact.Error(errors.Join(err, closeAll()))
}

// Uses reports whether a block of the file is of a plugin: a program, as an absolute path, or the name of a first-party one.
func (p *Pipeline) Uses(plugin string) bool {
	_, err := p.blockOfPlugin(plugin)
	return err == nil
}

// KindOf returns the kind of a plugin that the file [Pipeline.Uses]; "" if it does not.
func (p *Pipeline) KindOf(plugin string) sdk.Kind {
	b, _ := p.blockOfPlugin(plugin)
	return b.Kind
}

// blockOfPlugin finds the first block of a plugin.
func (p *Pipeline) blockOfPlugin(plugin string) (config.Block, error) {
	for _, b := range p.blocks() {
		if b.Path == plugin || b.Path == "" && b.Type == plugin {
			return b, nil
		}
	}
	return config.Block{}, fmt.Errorf("%w: %s: it has no block of the plugin %s, only %s", ErrNotTested, p.config.File, plugin, strings.Join(p.Stages(), ", "))
}

func (p *parts) conformance(ctx context.Context, b config.Block, o ConformanceOptions) ([]CheckResult, error) {
	dir, err := disk.TempDir("scrapekit-test-")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }() // what is left there is of no use to anybody
	plan := plugintest.Plan{Host: p.host, Info: b.Info, Only: o.Checks, Done: o.Done, Dir: dir}
	plan.Spec = p.spec(b)
	if b.Info.PrivateDir {
		plan.Spec.Write = append(plan.Spec.Write, plan.Dir) // where the checks make private folders
	}
	if err := p.pluginCase(ctx, &plan, b, o); err != nil {
		return nil, err
	}
	if o.Begin != nil {
		o.Begin(b.Info)
	}
	return plugintest.Run(ctx, plan)
}

// pluginCase adds what the checks of a kind need.
func (p *parts) pluginCase(ctx context.Context, plan *plugintest.Plan, b config.Block, o ConformanceOptions) error {
	host, err := p.services(ctx, b)
	if err != nil {
		return err
	}
	host.Transport = &askedOnce{next: host.Transport}
	switch b.Kind {
	case sdk.KindSource:
		plan.Source = &conformance.SourceCase{Host: host, Streams: selected(b), MaxResumes: o.MaxResumes, MaxRecords: cmp.Or(o.Records, maxSourceRecords)}
	case sdk.KindTransform:
		plan.Transform = &conformance.TransformCase{Host: host}
		return p.input(ctx, plan.Transform, b, o.Records)
	case sdk.KindSink:
		plan.Spec.Write = []string{plan.Dir}
		plan.Spec.Config, err = relocated(b, p.config.Dir, plan.Dir, o.Sink)
		plan.Sink = p.sinkCase(b, host, o.Sink)
	}
	return err
}
