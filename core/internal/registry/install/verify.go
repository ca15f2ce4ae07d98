// Verify: compares installed plugins with the lock file and the signed statements, offline.

package install

import (
	"errors"
	"fmt"

	"github.com/scrapekit/scrapekit/core/internal/registry/artifact"
	"github.com/scrapekit/scrapekit/core/internal/registry/lock"
	"github.com/scrapekit/scrapekit/core/internal/registry/store"
)

// Verified is the result for one plugin.
type Verified struct {
	Plugin  lock.Plugin
	Missing []artifact.Platform // not installed
	Problem error               // nil: everything installed is right
}

// Verify reads all installed programs of the lock file, for all platforms, and their signatures.
func (in *Installer) Verify() ([]Verified, error) {
	f, err := lock.Read(in.LockFile)
	if err != nil {
		return nil, err
	}
	var out []Verified
	for _, p := range f.Plugins {
		v := Verified{Plugin: p, Problem: in.verifyStatement(p)}
		for _, platform := range in.Platforms {
			if _, ok := p.Targets[platform]; !ok {
				v.Problem = errors.Join(v.Problem, notFor(p.Version, platform, p.Targets))
			}
		}
		for platform, t := range p.Targets {
			switch _, err := in.Store.Program(t.Binary.String(), platform.Program()); {
			case errors.Is(err, store.ErrNotThere):
				v.Missing = append(v.Missing, platform)
				continue
			case err != nil:
				v.Problem = errors.Join(v.Problem, err)
				continue
			}
			right, err := in.Store.Has(t.Binary.String(), platform.Program())
			if err == nil && !right {
				err = fmt.Errorf("the program for %s is not the one that was installed: somebody has changed it; "+
					"`scrapekit init` fetches it again", platform)
			}
			v.Problem = errors.Join(v.Problem, err)
		}
		out = append(out, v)
	}
	return out, nil
}

// verifyStatement compares the lock file with the stored signed statement. A machine without one
// cannot compare.
func (in *Installer) verifyStatement(p lock.Plugin) error {
	statement, signature, err := in.Store.Release(p.Index.String())
	if errors.Is(err, store.ErrNotThere) {
		return nil
	}
	if err != nil {
		return err
	}
	release, err := artifact.NewRelease(artifact.Signed{Statement: statement, Signature: signature})
	if err != nil {
		return fmt.Errorf("the statement in the store: %w; `scrapekit init` fetches it again", err)
	}
	s, err := release.Verify(p.PublishedName(), func(k artifact.Key) bool { return k == p.Signer.Key })
	if err != nil {
		return fmt.Errorf("the statement in the store: %w; `scrapekit init` fetches it again", err)
	}
	if why := differs(p, s); why != "" {
		return fmt.Errorf("%s:%d does not say what the publisher signed: %s", lock.FileName, p.Line, why)
	}
	return nil
}

// InUse returns what the lock files use of a store. A file that cannot be read is an error, because
// its needs are unknown.
func InUse(lockFiles []string) (store.InUse, error) {
	var out store.InUse
	for _, path := range lockFiles {
		f, err := lock.Read(path)
		if err != nil {
			return store.InUse{}, fmt.Errorf("which plugins are in use is not known: %w; repair the file or remove it",
				err)
		}
		for _, p := range f.Plugins {
			out.Releases = append(out.Releases, p.Index.String())
			for _, t := range p.Targets {
				out.Programs = append(out.Programs, t.Binary.String())
			}
		}
	}
	return out, nil
}
