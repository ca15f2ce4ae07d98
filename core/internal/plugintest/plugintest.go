// Run: runs all checks on a program.

package plugintest

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/scrapekit/scrapekit/core/internal/pluginhost"
	"github.com/scrapekit/scrapekit/sdk"
	"github.com/scrapekit/scrapekit/sdk/conformance"
)

// Plan is a plugin with what its checks need.
type Plan struct {
	Host *pluginhost.Host
	// Spec says how to start the plugin. The checks add settings and services.
	Spec pluginhost.Spec
	Info sdk.Info
	Only []string     // names of checks; nil: all
	Done func(Result) // called after each check; may be nil

	Source    *conformance.SourceCase // the case for its kind
	Transform *conformance.TransformCase
	Sink      *conformance.SinkCase
	// Dir is the parent of the checks' folders, in which a sink writes.
	Dir string
}

// Checks returns the checks for a kind, those of processes first.
func Checks(k sdk.Kind) []conformance.Check {
	var out []conformance.Check
	for _, c := range processChecks() {
		out = append(out, c.Check)
	}
	return append(out, conformance.Checks(k)...)
}

// Names returns an error for an unknown name of a check.
func Names(k sdk.Kind, names []string) error {
	var all []string
	for _, c := range Checks(k) {
		all = append(all, c.Name)
	}
	for _, name := range names {
		if !slices.Contains(all, name) {
			return fmt.Errorf("there is no check %q of a %s; there are: %s", name, k, strings.Join(all, ", "))
		}
	}
	return nil
}

// Run runs the checks. The error is that of ctx. Failed checks are in the results.
func Run(ctx context.Context, p Plan) ([]Result, error) {
	s := newSuite(ctx, p)
	run(s.root, p)
	if err := ctx.Err(); err != nil {
		return s.results, err
	}
	return s.end(), nil
}

func run(t *test, p Plan) {
	for _, c := range processChecks() {
		if !t.Run(c.Name, func(t conformance.T) { c.run(p, t) }) && c.Name == "handshake" {
			return
		}
	}
	subject := conformance.Subject{Info: p.Info, Wire: true, Process: true, Start: p.start}
	conformance.Plugin(t, subject, p.Spec.Config, p.Info.Kind)
	switch {
	case p.Source != nil:
		conformance.Source(t, subject, p.Spec.Config, *p.Source)
	case p.Transform != nil:
		conformance.Transform(t, subject, p.Spec.Config, *p.Transform)
	case p.Sink != nil:
		conformance.Sink(t, subject, *p.Sink)
	}
}

// start starts a process of the plugin.
func (p Plan) start(ctx context.Context, config json.RawMessage, host sdk.Host) (*conformance.Instance, error) {
	s := p.Spec
	s.Config, s.Services = config, host
	plugin, err := p.Host.Start(ctx, s)
	if err != nil {
		return nil, err
	}
	return &conformance.Instance{Value: valueOf(plugin), Stop: plugin.Stop, Kill: plugin.Kill}, nil
}

func valueOf(p *pluginhost.Plugin) any {
	switch p.Info().Kind {
	case sdk.KindSource:
		return p.Source()
	case sdk.KindTransform:
		return p.Transform()
	}
	return p.Sink()
}
