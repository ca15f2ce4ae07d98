// Conformance: tests a plugin of a pipeline file from outside, with the settings of the file.

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

// maxSourceRecords bounds the records that a source is tested with, because each check reads many
// of them again.
const maxSourceRecords = 20_000

// Conformance tests a plugin; see package core/plugins. The error says that the plugin could not be
// tested. Failed checks are in the results.
func (p *Pipeline) Conformance(ctx context.Context, o plugintest.Options) ([]plugintest.Result, error) {
	b, err := p.blockOfPlugin(o.Plugin)
	if err != nil {
		return nil, err
	}
	if err := plugintest.Names(b.Kind, o.Checks); err != nil {
		return nil, fmt.Errorf("%w: %w", plugintest.ErrNotTested, err)
	}
	parts, closeAll, err := p.assembleAside()
	if err != nil {
		return nil, err
	}
	results, err := parts.conformance(ctx, b, o)
	return results, p.redact.Error(errors.Join(err, closeAll()))
}

// Uses reports whether a block of the file uses the plugin: the absolute path of a program, or the
// name of a first-party plugin.
func (p *Pipeline) Uses(plugin string) bool {
	_, err := p.blockOfPlugin(plugin)
	return err == nil
}

// KindOf returns the kind of a plugin that the file uses (see [Pipeline.Uses]), or "" if it does
// not use it.
func (p *Pipeline) KindOf(plugin string) sdk.Kind {
	b, _ := p.blockOfPlugin(plugin)
	return b.Kind
}

// blockOfPlugin returns the first block that uses a plugin.
func (p *Pipeline) blockOfPlugin(plugin string) (config.Block, error) {
	for _, b := range p.blocks() {
		if !toStdout(b) && (b.Path == plugin || b.Path == "" && b.Type == plugin) {
			return b, nil
		}
	}
	return config.Block{}, fmt.Errorf("%w: %s: it has no block of the plugin %s, only %s", plugintest.ErrNotTested,
		p.config.File, plugin, strings.Join(p.Stages(), ", "))
}

func (p *parts) conformance(ctx context.Context, b config.Block, o plugintest.Options) ([]plugintest.Result, error) {
	dir, err := disk.TempDir("scrapekit-test-")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }() // best effort: it is a temporary folder
	plan := plugintest.Plan{Host: p.host, Info: b.Info, Only: o.Checks, Done: o.Done, Dir: dir}
	plan.Spec = p.spec(b)
	if b.Info.PrivateDir {
		plan.Spec.Write = append(plan.Spec.Write, plan.Dir) // the checks make private folders in it
	}
	if err := p.pluginCase(ctx, &plan, b, o); err != nil {
		return nil, err
	}
	if o.Begin != nil {
		o.Begin(b.Info)
	}
	return plugintest.Run(ctx, plan)
}

// pluginCase adds what the checks for the plugin's kind need.
func (p *parts) pluginCase(ctx context.Context, plan *plugintest.Plan, b config.Block, o plugintest.Options) error {
	host, err := p.services(ctx, b)
	if err != nil {
		return err
	}
	host.Transport = &askedOnce{next: host.Transport}
	switch b.Kind {
	case sdk.KindSource:
		plan.Source = &conformance.SourceCase{Host: host, Streams: selected(b), MaxResumes: o.MaxResumes,
			MaxRecords: cmp.Or(o.Records, maxSourceRecords)}
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
