// Apply: puts the programs of a plan into the store, and their entries into the lock file.

package install

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/opencontainers/go-digest"
	"golang.org/x/sync/errgroup"

	"github.com/scrapekit/scrapekit/core/internal/registry/artifact"
	"github.com/scrapekit/scrapekit/core/internal/registry/keys"
	"github.com/scrapekit/scrapekit/core/internal/registry/lock"
	"github.com/scrapekit/scrapekit/sdk"
)

func digestOf(text string) digest.Digest { return digest.Digest(text) }

// Apply asks for consent if needed, and executes the plan. remove are sources to remove from the
// lock file. It writes the lock file last, when all programs are in the store and verified.
func (in *Installer) Apply(ctx context.Context, p *Plan, remove ...string) (err error) {
	if len(p.NeedsConsent()) > 0 {
		if err := in.Consent(ctx, p); err != nil {
			return err
		}
	}
	release, err := in.Store.Use(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, release()) }()
	group, groupCtx := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
	for _, c := range p.Changes {
		if c.Action != Kept {
			group.Go(func() error { return in.bring(groupCtx, c) })
		}
	}
	if err := group.Wait(); err != nil {
		return err
	}
	if err := in.pin(p); err != nil {
		return err
	}
	return in.writeLock(ctx, p, remove)
}

// bring puts the programs of a plugin into the store.
func (in *Installer) bring(ctx context.Context, c *Change) error {
	for _, p := range in.Platforms {
		if err := in.bringFor(ctx, c, p); err != nil {
			return fmt.Errorf("%s %s for %s: %w", c.Source, c.After.Version, p, err)
		}
	}
	signed, err := in.believed(c)
	if err != nil {
		return err
	}
	return in.Store.PutRelease(c.After.Index.String(), signed.Statement, signed.Signature)
}

// believed returns the verified statement of the release.
func (in *Installer) believed(c *Change) (artifact.Signed, error) {
	for _, s := range c.release.Signed {
		one := *c.release
		one.Signed = []artifact.Signed{s}
		if got, err := one.Verify(c.After.PublishedName(),
			func(k artifact.Key) bool { return k == c.statement.Key }); err == nil && got.Index == c.statement.Index {
			return s, nil
		}
	}
	return artifact.Signed{}, fmt.Errorf("%s: its statement is gone", c.Source)
}

func (in *Installer) bringFor(ctx context.Context, c *Change, p artifact.Platform) error {
	want := c.After.Targets[p].Binary.String()
	there, err := in.Store.Has(want, p.Program())
	if err != nil {
		return err
	}
	if there {
		if err := in.Store.Keep(want); err != nil {
			return err
		}
	} else {
		in.note(fmt.Sprintf("fetching %s %s for %s, %s", c.After.Name, c.After.Version, p, sizeText(c.Sizes[p])))
		if err := in.unpack(ctx, c, p); err != nil {
			return err
		}
	}
	if p != artifact.Here() {
		return nil
	}
	path, err := in.Store.Program(want, p.Program())
	if err != nil {
		return err
	}
	info, err := in.Describe(ctx, path, want)
	if err != nil {
		return fmt.Errorf("it is not what it should be, and is not installed: %w", err)
	}
	return describesItself(info, c.statement.Manifest)
}

// unpack downloads an archive and puts its program into the store.
func (in *Installer) unpack(ctx context.Context, c *Change, p artifact.Platform) (err error) {
	archive, err := c.remote.Archive(ctx, c.release, c.statement.Targets[p])
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, archive.Close()) }()
	draft, err := in.Store.New()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, draft.Discard()) }()
	if err := artifact.Unpack(archive, p, c.statement.Targets[p], draft.Dir()); err != nil {
		// Read the rest of the archive, to distinguish a changed download from a bad release.
		if _, changed := io.Copy(io.Discard, archive); errors.Is(changed, artifact.ErrContent) {
			return changed
		}
		return err
	}
	_, err = draft.Publish(c.After.Targets[p].Binary.String(), p.Program())
	return err
}

// describesItself compares a program's description with the signed one.
func describesItself(info sdk.Info, m artifact.Manifest) error {
	for _, one := range []struct{ what, says, signed string }{
		{"its name", info.Name, m.Name}, {"its version", info.Version, m.Version},
		{"its kind", string(info.Kind), string(m.Kind)},
	} {
		if one.says != one.signed {
			return fmt.Errorf("the program says that %s is %.100q, its publisher signed %q: it is not installed",
				one.what, one.says, one.signed)
		}
	}
	if !info.Permissions.Covers(m.Permissions) || !m.Permissions.Covers(info.Permissions) {
		return errors.New("the program asks for other permissions than its publisher signed: it is not installed")
	}
	paths, err := artifact.PathsOf(info)
	switch {
	case err != nil:
		return fmt.Errorf("what the program says of itself: %w: it is not installed", err)
	case !paths.Minus(m.Paths).IsZero() || !m.Paths.Minus(paths).IsZero():
		return errors.New("the program takes other settings for paths than its publisher signed: it is not " +
			"installed; a plugin with such settings that an older scrapekit packed must be packed again")
	}
	return nil
}

// pin remembers first-seen keys and grants.
func (in *Installer) pin(p *Plan) error {
	user, err := keys.Read(in.KeysFile)
	if err != nil {
		return err
	}
	before := string(user.Bytes())
	remember := func(k *keys.Keys) {
		for _, c := range p.Changes {
			name := c.After.PublishedName()
			if c.FirstUse || c.Unseen && c.After.Signer.Key != "" && len(k.For(name)) == 0 {
				k.Add(keys.Entry{Pattern: pinFor(name), Key: c.After.Signer.Key, Since: lock.Day(in.Now()),
					FirstUse: true})
			}
			if c.Action != Kept && !c.asLocked {
				k.Grant(keys.Grant{Name: name, Permissions: c.After.Permissions, Paths: c.After.Paths})
			}
		}
	}
	if remember(user); string(user.Bytes()) == before {
		return nil
	}
	return keys.Update(in.KeysFile, remember)
}

// writeLock updates the lock file in its current state, because another process may have changed
// other plugins.
func (in *Installer) writeLock(ctx context.Context, p *Plan, remove []string) error {
	if err := in.Store.Register(in.LockFile); err != nil {
		return err
	}
	return in.Store.Serially(ctx, func() error {
		f, err := lock.Read(in.LockFile)
		if err != nil {
			return err
		}
		before := string(f.Bytes())
		had := len(f.Plugins) > 0
		for _, c := range p.Changes {
			f.Put(c.After)
		}
		for _, source := range remove {
			f.Remove(source)
		}
		if string(f.Bytes()) == before || !had && len(f.Plugins) == 0 {
			return nil
		}
		return f.Write(in.LockFile)
	})
}

// Remove removes plugins from the lock file. Their programs stay in the store until it is pruned.
func (in *Installer) Remove(ctx context.Context, sources ...string) error {
	return in.writeLock(ctx, &Plan{}, sources)
}

// Unwanted returns the locked plugins that no demand names.
func (in *Installer) Unwanted(demands []Demand) ([]string, error) {
	f, err := lock.Read(in.LockFile)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, p := range f.Plugins {
		if !slices.ContainsFunc(demands, func(d Demand) bool { return d.Source == p.Source }) {
			out = append(out, p.Source)
		}
	}
	return out, nil
}

func sizeText(n int64) string {
	if n < 1<<20 {
		return fmt.Sprintf("%d KiB", max(1, n>>10))
	}
	return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
}
