// Check: tries the settings against the real systems.

package core

import (
	"context"
	"errors"
	"fmt"

	"github.com/scrapekit/scrapekit/core/internal/config"
	"github.com/scrapekit/scrapekit/sdk/rpc"
)

// ProtocolVersion is the version of the plugin protocol that this host speaks.
const ProtocolVersion = rpc.ProtocolVersion

// Stages returns the names of the stages: source, transforms, sinks.
func (p *Pipeline) Stages() []string {
	var out []string
	for _, b := range p.blocks() {
		out = append(out, stageName(b))
	}
	return out
}

// Check starts every plugin and lets it try its settings: connect, log in. The error joins the
// errors of all stages, each with the place of its block in the file.
func (p *Pipeline) Check(ctx context.Context) error {
	parts, closeAll, err := p.assembleAside()
	if err != nil {
		return err
	}
	for _, b := range p.blocks() {
		if toStdout(b) {
			continue
		}
		if e := parts.check(ctx, b); e != nil {
			err = errors.Join(err, fmt.Errorf("%s: %w", b.Pos, at(stageName(b), e)))
		}
	}
	return p.redact.Error(errors.Join(err, closeAll()))
}

func (p *parts) check(ctx context.Context, b config.Block) error {
	plugin, err := p.start(ctx, b)
	if err != nil {
		return err
	}
	if plugin.Features().Check {
		err = plugin.Check(ctx)
	}
	return errors.Join(err, plugin.Stop(ctx))
}
