// Attach: connects to a plugin that already runs, for example in a debugger. The host has not
// started it, does not confine it and does not end it.

package pluginhost

import (
	"context"
	"fmt"
	"os/exec"

	"github.com/hashicorp/go-hclog"

	"github.com/scrapekit/scrapekit/sdk"
	"github.com/scrapekit/scrapekit/sdk/rpc"
)

// attach connects to the plugin at s.Path.
func (h *Host) attach(ctx context.Context, s Spec) (*Plugin, error) {
	conn, hangUp, err := rpc.Dial(ctx, s.Path)
	if err != nil {
		return nil, at(s.Label, fmt.Errorf(
			"nobody listens at %s: start the plugin with SCRAPEKIT_DEBUG=1, and take the path that it prints: %w",
			s.Path, err))
	}
	if s.Logger == nil {
		s.Logger = hclog.NewNullLogger()
	}
	pulse := &activity{}
	log := limitLog(s.Logger, pulse)
	run := &pluginRunner{process: newProcess(&exec.Cmd{}, &lines{log: log, hide: s.Hide}, nil)}
	run.attached = true
	p := &Plugin{label: s.Label, host: h, run: run, log: log, pulse: pulse, conn: conn, hangUp: hangUp}
	p.services, p.endServices = context.WithCancel(context.Background())
	h.add(p)
	if p.info, err = conn.Describe(ctx); err == nil {
		err = p.fits(s.Kind)
	}
	if err != nil {
		p.abandon()
		return nil, at(s.Label, fmt.Errorf("attached at %s: %w", s.Path, err))
	}
	return p, nil
}

// fits returns an error if a plugin is not of the wanted kind; "": any.
func (p *Plugin) fits(kind sdk.Kind) error {
	if kind == "" || p.info.Kind == kind {
		return nil
	}
	return sdk.Permanent(fmt.Errorf("the plugin %s is a %s, not a %s", clean(p.info.Name, maxKept),
		clean(string(p.info.Kind), maxKept), kind))
}

// DescribeAttached returns the description of a plugin that already runs.
func (h *Host) DescribeAttached(ctx context.Context, socket string) (sdk.Info, error) {
	p, err := h.launch(ctx, Spec{Label: "plugin at " + socket, Path: socket, Attached: true})
	if err != nil {
		return sdk.Info{}, err
	}
	return p.Info(), p.Stop(ctx)
}
