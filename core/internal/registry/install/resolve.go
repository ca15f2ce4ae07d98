// Resolve: turns demands into a plan, verified as far as possible without the programs.

package install

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/scrapekit/scrapekit/core/internal/registry/artifact"
	"github.com/scrapekit/scrapekit/core/internal/registry/keys"
	"github.com/scrapekit/scrapekit/core/internal/registry/lock"
	"github.com/scrapekit/scrapekit/core/internal/registry/remote"
	"github.com/scrapekit/scrapekit/sdk"
)

// Mode says what a resolution may change.
type Mode struct {
	// Upgrade takes the newest allowed version instead of the locked one.
	Upgrade bool
	// Locked refuses changes of the lock file.
	Locked bool
}

// LockedError says that the lock file would have to change, which the mode forbids.
type LockedError struct{ Source, Why string }

func (e *LockedError) Error() string {
	return fmt.Sprintf("%s: %s, and --locked keeps it as it is: run `scrapekit init` without it, and commit %s",
		e.Source, e.Why, lock.FileName)
}

// RollbackError says that the published version is older than the locked one, or has other content.
type RollbackError struct{ text string }

func (e *RollbackError) Error() string { return e.text }

// atOnce is the number of plugins that are resolved in parallel.
const atOnce = 4

// Resolve makes the plan for the demanded plugins.
func (in *Installer) Resolve(ctx context.Context, demands []Demand, how Mode) (*Plan, error) {
	locked, err := lock.Read(in.LockFile)
	if err != nil {
		return nil, err
	}
	user, err := keys.Read(in.KeysFile)
	if err != nil {
		return nil, err
	}
	demands = merge(demands)
	plan := &Plan{Changes: make([]*Change, len(demands))}
	errs := make([]error, len(demands))
	group, groupCtx := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
	for i, d := range demands {
		group.Go(func() error {
			r := resolution{in, locked, user, how, d}
			plan.Changes[i], errs[i] = r.run(groupCtx)
			return nil // continue, to report all errors
		})
	}
	_ = group.Wait() // the functions return no error
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return plan, in.sameKeys(plan)
}

// sameKeys refuses two new plugins of one namespace with different keys, because only one key can
// be the first seen.
func (in *Installer) sameKeys(p *Plan) error {
	first := map[string]*Change{}
	for _, c := range p.Changes {
		if !c.FirstUse {
			continue
		}
		pin := pinFor(c.After.PublishedName())
		before := first[pin]
		if before == nil {
			first[pin] = c
		} else if before.After.Signer.Key != c.After.Signer.Key {
			k := known{before.Source + " " + before.After.Version.String(), []artifact.Key{before.After.Signer.Key}}
			return &KeyError{c.Source, c.After.Version.String(), []artifact.Key{c.After.Signer.Key},
				&policy{name: c.After.PublishedName(), known: []known{k}}}
		}
	}
	return nil
}

// merge merges the demands for each source, sorted.
func merge(demands []Demand) []Demand {
	var out []Demand
	for _, d := range slices.SortedStableFunc(slices.Values(demands),
		func(a, b Demand) int { return cmp.Compare(a.Source, b.Source) }) {
		last := len(out) - 1
		if last < 0 || out[last].Source != d.Source {
			out = append(out, d)
			continue
		}
		if d.Constraint != "" && !slices.Contains(strings.Split(out[last].Constraint, ", "), d.Constraint) {
			out[last].Constraint = strings.TrimPrefix(out[last].Constraint+", "+d.Constraint, ", ")
		}
		out[last].Where += ", " + d.Where
	}
	return out
}

// resolution is the resolution of one plugin.
type resolution struct {
	*Installer
	locked *lock.File
	user   *keys.Keys
	how    Mode
	demand Demand
}

func (r resolution) run(ctx context.Context) (*Change, error) {
	source, err := artifact.ParseSource(r.demand.Source)
	if err != nil {
		return nil, err
	}
	allowed, err := artifact.ParseConstraint(r.demand.Constraint)
	if err != nil {
		return nil, r.fail(err)
	}
	before, known := r.locked.Get(r.demand.Source)
	if known && allowed.Allows(before.Version) && !r.how.Upgrade {
		return r.keep(ctx, source, before)
	}
	if r.how.Locked {
		why := lock.FileName + " does not have it"
		if known {
			why = fmt.Sprintf("%s has version %s, wanted is %s", lock.FileName, before.Version, r.demand.Constraint)
		}
		return nil, &LockedError{r.demand.Source, why}
	}
	return r.choose(ctx, source, allowed, before)
}

// fail adds the source, and who requires it, to an error. An error of a remote already names the
// source.
func (r resolution) fail(err error) error {
	if !errors.As(err, new(*remote.SourceError)) {
		err = fmt.Errorf("%s: %w", r.demand.Source, err)
	}
	if r.demand.Where != "" {
		err = fmt.Errorf("%s: %w", r.demand.Where, err)
	}
	return err
}

// keep keeps the locked version. It needs no network if everything is installed and the stored
// statement confirms it.
func (r resolution) keep(ctx context.Context, source artifact.Source, before lock.Plugin) (*Change, error) {
	after := before
	// Without a constraint, a user's request changes nothing.
	if !r.how.Locked && (r.demand.Where != "" || r.demand.Constraint != "") {
		after.Constraints = r.demand.Constraint
	}
	c := &Change{Demand: r.demand, Action: Kept, Before: before, After: after}
	for _, p := range r.Platforms {
		t, ok := before.Targets[p]
		if !ok {
			return nil, r.fail(notFor(before.Version, p, before.Targets))
		}
		there, err := r.Store.Has(t.Binary.String(), p.Program())
		if err != nil {
			return nil, err
		}
		if !there {
			c.Action = Fetched
		}
	}
	if c.Action == Kept && r.verifyStatement(before) != nil {
		c.Action = Fetched // fetching finds the error, whether in the store or the lock file
	}
	if c.Action == Kept {
		return c, nil
	}
	if err := r.fetch(ctx, c, source, before.Version, before.PublishedName()); err != nil {
		return nil, err
	}
	if why := differs(before, c.statement); why != "" {
		return nil, r.fail(fmt.Errorf("%s:%d does not say what the publisher signed for %s: %s; restore the file "+
			"from version control, or lock the plugin anew: scrapekit plugins remove %s, then scrapekit init",
			lock.FileName, before.Line, before.Version, why, before.Name))
	}
	r.checkSeen(c)
	return c, nil
}

// checkSeen determines what this user was never asked about a locked plugin, because a lock file
// may come with a cloned repository. Following the lock file exactly means trusting it.
func (r resolution) checkSeen(c *Change) {
	if c.asLocked = r.how.Locked; c.asLocked {
		return
	}
	name := c.After.PublishedName()
	granted, installed := r.user.Granted(name)
	c.Unseen = !installed && len(r.user.For(name)) == 0
	c.More, c.MorePaths = c.After.Permissions.Minus(granted.Permissions), c.After.Paths.Minus(granted.Paths)
}

// choose looks for the newest allowed version.
func (r resolution) choose(ctx context.Context, source artifact.Source, allowed artifact.Constraint,
	before lock.Plugin) (*Change, error) {
	c := &Change{Demand: r.demand, Before: before}
	name := source.Name
	if before.Name != "" {
		name = before.PublishedName()
	}
	from, err := r.open(c, source, name)
	if err != nil {
		return nil, err
	}
	versions, err := c.remote.Versions(ctx)
	if err != nil {
		return nil, r.fail(err)
	}
	v, err := newest(versions, allowed, from)
	if err != nil {
		return nil, r.fail(err)
	}
	if err := r.checkRollback(before, v, allowed); err != nil {
		return nil, r.fail(err)
	}
	if err := r.get(ctx, c, v, name, ""); err != nil {
		return nil, err
	}
	return c, r.complete(c)
}

// newest returns the highest allowed version.
func newest(versions []artifact.Version, allowed artifact.Constraint, where string) (artifact.Version, error) {
	for _, v := range versions {
		if allowed.Allows(v) {
			return v, nil
		}
	}
	if len(versions) == 0 {
		return artifact.Version{}, fmt.Errorf(
			"%s has no version of it: tags that are not versions, such as latest, are ignored", where)
	}
	var some []string
	for _, v := range versions[:min(len(versions), 5)] {
		some = append(some, v.String())
	}
	text := "there are " + strings.Join(some, ", ")
	if more := len(versions) - len(some); more > 0 {
		text += fmt.Sprintf(" and %d older ones", more)
	}
	if allowed.String() == "" {
		return artifact.Version{}, fmt.Errorf(
			"only prereleases are published: %s; to install one, name it: version = %q", text, versions[0])
	}
	return artifact.Version{}, fmt.Errorf("no version fits %q: %s", allowed, text)
}

// checkRollback refuses an older version, unless the constraint names it exactly.
func (r resolution) checkRollback(before lock.Plugin, v artifact.Version, allowed artifact.Constraint) error {
	if before.Version.IsZero() || v.Compare(before.Version) >= 0 || allowed.Exact(v) {
		return nil
	}
	return &RollbackError{fmt.Sprintf("the newest version that is there and allowed is %s, and %s has %s: somebody "+
		"may be leading you back to a version with known vulnerabilities; "+
		"if you want that version, write it exactly: version = %q", v, lock.FileName, before.Version, v)}
}

// open opens the source or its mirror, and returns which.
func (r resolution) open(c *Change, source artifact.Source, name string) (string, error) {
	from, err := r.from(source, name)
	if err == nil {
		c.remote, err = r.Open(from)
	}
	if err != nil {
		return "", r.fail(err)
	}
	return from.Text, nil
}

func (r resolution) fetch(ctx context.Context, c *Change, source artifact.Source, v artifact.Version,
	name string) error {
	if _, err := r.open(c, source, name); err != nil {
		return err
	}
	return r.get(ctx, c, v, name, string(c.Before.Index))
}

// get fetches a release and verifies its publisher.
func (r resolution) get(ctx context.Context, c *Change, v artifact.Version, name, pinned string) error {
	var err error
	if c.release, err = c.remote.Release(ctx, v, digestOf(pinned)); err != nil {
		return r.fail(err)
	}
	name = cmp.Or(name, c.release.Name)
	p := policyFor(name, c.Before, r.locked, r.user, r.Settings.Trust)
	c.statement, err = c.release.Verify(name, p.accepts)
	var untrusted *artifact.UntrustedError
	switch {
	case errors.As(err, &untrusted):
		return &KeyError{r.demand.Source, v.String(), untrusted.Keys, p}
	case err != nil:
		return r.fail(fmt.Errorf("version %s: %w", v, err))
	}
	c.Vouched, c.FirstUse = p.vouched, len(p.known) == 0 && c.statement.Key != ""
	c.Sizes = map[artifact.Platform]int64{}
	for platform, t := range c.statement.Targets {
		c.Sizes[platform] = t.Size
	}
	return r.checkStatement(c.statement)
}

// checkStatement refuses a release that cannot run here.
func (r resolution) checkStatement(s artifact.Statement) error {
	m := s.Manifest
	if m.Protocol != r.Protocol {
		who := "choose another version of it, or ask its publisher for a newer one"
		if m.Protocol > r.Protocol {
			who = "update scrapekit, or ask for an older version of it"
		}
		return r.fail(fmt.Errorf("version %s speaks version %d of the plugin protocol, this scrapekit speaks %d: %s",
			m.Version, m.Protocol, r.Protocol, who))
	}
	v, err := artifact.ParseVersion(m.Version)
	if err != nil {
		return r.fail(err)
	}
	for _, p := range r.Platforms {
		if _, ok := s.Targets[p]; !ok {
			return r.fail(notFor(v, p, s.Targets))
		}
	}
	return nil
}

func notFor[T any](v artifact.Version, p artifact.Platform, targets map[artifact.Platform]T) error {
	var there []string
	for platform := range targets {
		there = append(there, string(platform))
	}
	slices.Sort(there)
	return fmt.Errorf("version %s is not published for %s; it is for %s", v, p, strings.Join(there, ", "))
}

// complete fills in what follows from a verified statement.
func (r resolution) complete(c *Change) error {
	var err error
	if c.After, err = locks(r.demand, c.statement); err != nil {
		return r.fail(err)
	}
	before := c.Before
	c.After.Signer = r.signer(c.statement.Key, before)
	switch order := c.After.Version.Compare; {
	case before.Version.IsZero():
		c.Action = Added
		c.LooksLike = r.lookAlikes(c.After)
	case order(before.Version) == 0 && c.After.Index != before.Index:
		return r.fail(&RollbackError{fmt.Sprintf(
			"version %s is not what it was when it was locked: it is %s, and %s has %s; what is published of a "+
				"version does not change, so somebody has replaced it: ask the publisher",
			c.After.Version, c.After.Index, lock.FileName, before.Index)})
	case order(before.Version) == 0:
		c.Action = Kept
	case order(before.Version) < 0:
		c.Action = Downgrade
	default:
		c.Action = Updated
	}
	c.More, c.Less = c.After.Permissions.Minus(before.Permissions), before.Permissions.Minus(c.After.Permissions)
	c.MorePaths, c.LessPaths = c.After.Paths.Minus(before.Paths), before.Paths.Minus(c.After.Paths)
	return r.checkHere(c)
}

// checkHere changes a kept plugin into one to fetch, if it is not installed.
func (r resolution) checkHere(c *Change) error {
	if c.Action != Kept {
		return nil
	}
	for _, p := range r.Platforms {
		there, err := r.Store.Has(c.After.Targets[p].Binary.String(), p.Program())
		if err != nil {
			return err
		}
		if !there {
			c.Action = Fetched
		}
	}
	return nil
}

func (r resolution) signer(k artifact.Key, before lock.Plugin) lock.Signer {
	switch {
	case k == "":
		return lock.Signer{}
	case k == before.Signer.Key:
		return before.Signer
	}
	return lock.Signer{Key: k, Since: lock.Day(r.Now())}
}

// locks returns the lock file's entry for a statement.
func locks(d Demand, s artifact.Statement) (lock.Plugin, error) {
	v, err := artifact.ParseVersion(s.Manifest.Version)
	p := lock.Plugin{
		Source: d.Source, Version: v, Constraints: d.Constraint, Name: s.Manifest.Name, Kind: s.Manifest.Kind,
		Protocol: s.Manifest.Protocol,
		Index:    s.Index, Targets: map[artifact.Platform]lock.Target{},
		Permissions: s.Manifest.Permissions.Or(sdk.Permissions{}), Paths: s.Manifest.Paths.Or(artifact.Paths{}),
	}
	if s.Source != d.Source {
		p.PublishedAs = s.Source
	}
	for platform, t := range s.Targets {
		p.Targets[platform] = lock.Target{Archive: t.Archive, Binary: t.Binary}
	}
	return p, err
}

// differs returns the first difference between a lock file's entry and a statement; "": none.
func differs(p lock.Plugin, s artifact.Statement) string {
	signed, err := locks(Demand{p.Source, p.Constraints, ""}, s)
	if err != nil {
		return err.Error()
	}
	signed.Signer = p.Signer
	switch {
	case signed.Equal(p):
		return ""
	case signed.Index != p.Index:
		return fmt.Sprintf("the index is %s, not %s", signed.Index, p.Index)
	case !signed.Permissions.Covers(p.Permissions) || !p.Permissions.Covers(signed.Permissions):
		return "the permissions differ"
	case !signed.Paths.Minus(p.Paths).IsZero() || !p.Paths.Minus(signed.Paths).IsZero():
		return "the settings that name files differ"
	}
	for platform, t := range signed.Targets {
		if p.Targets[platform] != t {
			return fmt.Sprintf("the digests for %s differ", platform)
		}
	}
	return "it names another plugin or other platforms"
}
