// Look: information about published plugins, without installing them.

package install

import (
	"context"
	"errors"

	"github.com/scrapekit/scrapekit/core/internal/registry/artifact"
	"github.com/scrapekit/scrapekit/core/internal/registry/keys"
	"github.com/scrapekit/scrapekit/core/internal/registry/lock"
)

// Outdated is a locked plugin with its newer versions.
type Outdated struct {
	Plugin lock.Plugin
	// Wanted is the newest version that the constraint allows. Newest is the newest version of all
	// except prereleases. They are zero if there is none.
	Wanted, Newest artifact.Version
	Problem        error // error of looking for versions
}

// Behind reports whether a newer version exists, within the constraint or not.
func (o Outdated) Behind() bool {
	return newer(o.Wanted, o.Plugin.Version) || newer(o.Newest, o.Plugin.Version)
}

func newer(v, than artifact.Version) bool { return !v.IsZero() && v.Compare(than) > 0 }

// Outdated looks for newer versions of all locked plugins.
func (in *Installer) Outdated(ctx context.Context) ([]Outdated, error) {
	f, err := lock.Read(in.LockFile)
	if err != nil {
		return nil, err
	}
	var out []Outdated
	for _, p := range f.Plugins {
		o := Outdated{Plugin: p}
		versions, err := in.versions(ctx, p)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		o.Problem = err
		allowed, err := artifact.ParseConstraint(p.Constraints)
		o.Problem = errors.Join(o.Problem, err)
		o.Wanted, o.Newest = highest(versions, allowed), highest(versions, artifact.Constraint{})
		out = append(out, o)
	}
	return out, nil
}

func highest(versions []artifact.Version, allowed artifact.Constraint) artifact.Version {
	for _, v := range versions {
		if allowed.Allows(v) {
			return v
		}
	}
	return artifact.Version{}
}

func (in *Installer) versions(ctx context.Context, p lock.Plugin) ([]artifact.Version, error) {
	source, err := artifact.ParseSource(p.Source)
	if err != nil {
		return nil, err
	}
	c := &Change{}
	r := resolution{Installer: in, demand: Demand{Source: p.Source}}
	if _, err := r.open(c, source, p.PublishedName()); err != nil {
		return nil, err
	}
	versions, err := c.remote.Versions(ctx)
	if err != nil {
		return nil, r.fail(err)
	}
	return versions, nil
}

// About describes a published plugin.
type About struct {
	Source    string
	Versions  []artifact.Version // newest first
	Statement artifact.Statement // of the newest allowed version
	Vouched   bool               // the user provided the key
	FirstUse  bool               // no key is known
	KeyError  error              // why its signature is not accepted
	LooksLike []string
	Locked    lock.Plugin // zero: not locked
}

// About returns what is published of a plugin, even if its key is not accepted.
func (in *Installer) About(ctx context.Context, d Demand) (*About, error) {
	source, err := artifact.ParseSource(d.Source)
	if err != nil {
		return nil, err
	}
	locked, err := lock.Read(in.LockFile)
	if err != nil {
		return nil, err
	}
	user, err := keys.Read(in.KeysFile)
	if err != nil {
		return nil, err
	}
	r := resolution{Installer: in, locked: locked, user: user, demand: d}
	out := &About{Source: d.Source}
	out.Locked, _ = locked.Get(d.Source)
	return out, r.about(ctx, source, out)
}

func (r resolution) about(ctx context.Context, source artifact.Source, out *About) error {
	allowed, err := artifact.ParseConstraint(r.demand.Constraint)
	if err != nil {
		return r.fail(err)
	}
	c := &Change{}
	name := source.Name
	if out.Locked.Name != "" {
		name = out.Locked.PublishedName()
	}
	from, err := r.open(c, source, name)
	if err != nil {
		return err
	}
	if out.Versions, err = c.remote.Versions(ctx); err != nil {
		return r.fail(err)
	}
	v, err := newest(out.Versions, allowed, from)
	if err != nil {
		return r.fail(err)
	}
	release, err := c.remote.Release(ctx, v, "")
	if err != nil {
		return r.fail(err)
	}
	var asked []artifact.Key
	if out.Statement, err = release.Verify(name,
		func(k artifact.Key) bool { asked = append(asked, k); return true }); err != nil {
		return r.fail(err)
	}
	p := policyFor(out.Statement.Source, out.Locked, r.locked, r.user, r.Settings.Trust)
	out.Vouched, out.FirstUse = p.vouched, len(p.known) == 0
	if !p.accepts(out.Statement.Key) {
		out.KeyError = &KeyError{r.demand.Source, v.String(), asked, p}
	}
	if out.Locked.Name == "" {
		after, err := locks(r.demand, out.Statement)
		if err != nil {
			return err
		}
		out.LooksLike = r.lookAlikes(after)
	}
	return nil
}
