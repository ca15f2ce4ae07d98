// Mirrors: copies of the locked plugins, for machines without a network and for private registries.

package install

import (
	"context"
	"fmt"
	"strings"

	"github.com/scrapekit/scrapekit/core/internal/registry/artifact"
	"github.com/scrapekit/scrapekit/core/internal/registry/keys"
	"github.com/scrapekit/scrapekit/core/internal/registry/lock"
	"github.com/scrapekit/scrapekit/core/internal/registry/remote"
)

// Mirrored is a plugin that was copied.
type Mirrored struct {
	Plugin lock.Plugin
	To     string // its source in the mirror
}

// CopyTo copies all locked plugins, for all platforms and with signatures, to a folder, or to a
// registry given as oci://HOST/PATH, where each gets its name's path.
func (in *Installer) CopyTo(ctx context.Context, to string) ([]Mirrored, error) {
	f, err := lock.Read(in.LockFile)
	if err != nil {
		return nil, err
	}
	user, err := keys.Read(in.KeysFile)
	if err != nil {
		return nil, err
	}
	rule := MirrorRule{"*", "oci-layout:" + to}
	if prefix, ok := strings.CutPrefix(to, "oci://"); ok {
		rule.To = strings.TrimSuffix(prefix, "/") + "/{path}"
	}
	var out []Mirrored
	for _, p := range f.Plugins {
		target, err := rule.source(p.PublishedName())
		if err != nil {
			return out, err
		}
		r := resolution{Installer: in, locked: f, user: user, how: Mode{Locked: true},
			demand: Demand{Source: p.Source, Constraint: p.Constraints}}
		if err := r.copyTo(ctx, p, target); err != nil {
			return out, err
		}
		out = append(out, Mirrored{p, target.Text})
	}
	return out, nil
}

func (r resolution) copyTo(ctx context.Context, p lock.Plugin, target artifact.Source) error {
	source, err := artifact.ParseSource(p.Source)
	if err != nil {
		return err
	}
	to, err := r.Open(target)
	if err != nil {
		return err
	}
	pusher, ok := to.(remote.Pusher)
	if !ok {
		return fmt.Errorf("%s: it cannot be written to", target.Text)
	}
	r.Platforms = nil // for all platforms
	c := &Change{Demand: r.demand, Before: p}
	if err := r.fetch(ctx, c, source, p.Version, p.PublishedName()); err != nil {
		return err
	}
	if why := differs(p, c.statement); why != "" {
		return r.fail(fmt.Errorf("%s:%d does not say what the publisher signed: %s", lock.FileName, p.Line, why))
	}
	r.note(fmt.Sprintf("copying %s %s to %s", p.Name, p.Version, target.Text))
	if err := pusher.Push(ctx, c.release, remote.CopyFrom(c.remote, c.release)); err != nil {
		return fmt.Errorf("%s %s to %s: %w", p.Source, p.Version, target.Text, err)
	}
	return nil
}
