// Shows what an installation will do, and asks for consent.

package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/scrapekit/scrapekit/cmd/scrapekit/internal/show"
	"github.com/scrapekit/scrapekit/core/plugins"
	"github.com/scrapekit/scrapekit/sdk"
)

// changeJSON is a change in JSON output.
type changeJSON struct {
	Source      string               `json:"source"`
	Action      string               `json:"action"`
	Name        string               `json:"name,omitempty"`
	Kind        sdk.Kind             `json:"kind,omitempty"`
	Version     string               `json:"version,omitempty"`
	Before      string               `json:"version_before,omitempty"`
	Constraints string               `json:"constraints,omitempty"`
	Index       string               `json:"index,omitempty"`
	Key         string               `json:"key,omitempty"`
	FirstUse    bool                 `json:"key_first_use,omitempty"`
	Permissions sdk.Permissions      `json:"permissions,omitzero"`
	More        sdk.Permissions      `json:"permissions_added,omitzero"`
	Less        sdk.Permissions      `json:"permissions_removed,omitzero"`
	MorePaths   plugins.PathSettings `json:"paths_added,omitzero"`
	LessPaths   plugins.PathSettings `json:"paths_removed,omitzero"`
	Paths       plugins.PathSettings `json:"paths,omitzero"`
	// In the lock file, but nothing by the publisher was installed on this machine before.
	Unseen    bool     `json:"key_unseen,omitempty"`
	LooksLike []string `json:"looks_like,omitempty"`
}

type installedJSON struct {
	Plugins []changeJSON `json:"plugins"`
}

func installed(plan *plugins.Plan, remove []string) installedJSON {
	out := installedJSON{Plugins: []changeJSON{}}
	for _, c := range plan.Changes {
		p := c.After
		one := changeJSON{
			Source: c.Source, Action: string(c.Action), Name: p.Name, Kind: p.Kind, Version: p.Version.String(),
			Constraints: p.Constraints, Index: p.Index.String(),
			Key: string(p.Signer.Key), FirstUse: c.FirstUse, Permissions: p.Permissions, More: c.More, Less: c.Less,
			LooksLike: c.LooksLike,
			Paths:     p.Paths, MorePaths: c.MorePaths, LessPaths: c.LessPaths, Unseen: c.Unseen,
		}
		if v := c.Before.Version; !v.IsZero() && v.Compare(p.Version) != 0 {
			one.Before = v.String()
		}
		out.Plugins = append(out.Plugins, one)
	}
	for _, source := range remove {
		out.Plugins = append(out.Plugins, changeJSON{Source: source, Action: "removed"})
	}
	return out
}

// printInstall shows a plan: a block for each plugin, with warnings.
func (a *app) printInstall(plan *plugins.Plan, remove []string) {
	for _, c := range plan.Changes {
		a.printChange(c)
	}
	for _, source := range remove {
		fmt.Fprintf(a.Out, "%s %s: no pipeline file here requires it any more\n", a.Style(show.Red, "-"), source)
	}
}

func (a *app) printChange(c *plugins.Change) {
	p := c.After
	signs := map[string]string{"added": a.Style(show.Green, "+"), "updated": a.Style(show.Green, "~"),
		"downgrade": a.Style(show.Yellow, "~"), "fetched": "=", "kept": "="}
	versions := p.Version.String()
	if v := c.Before.Version; !v.IsZero() && v.Compare(p.Version) != 0 {
		versions = fmt.Sprintf("%s → %s", v, versions)
	}
	fmt.Fprintf(a.Out, "%s %s %s  %s\n", signs[string(c.Action)], a.Style(show.Bold, p.Name), versions,
		a.Style(show.Faint, c.Source))
	for _, like := range c.LooksLike {
		fmt.Fprintf(a.Out, "    %s its name looks like %s: is it what you meant?\n", a.Style(show.Yellow, "warning:"),
			like)
	}
	if news := c.Unseen || !c.More.IsZero() || !c.MorePaths.IsZero(); c.Action == plugins.Kept ||
		c.Action == plugins.Fetched && !news {
		return
	}
	fmt.Fprintf(a.Out, "    %s, signed by %s\n", p.Kind, signerText(c))
	for _, line := range slices.Concat(c.More.Lines(), c.MorePaths.Lines()) {
		fmt.Fprintf(a.Out, "    %s may %s\n", a.Style(show.Yellow, "+"), line)
	}
	for _, line := range slices.Concat(c.Less.Lines(), c.LessPaths.Lines()) {
		fmt.Fprintf(a.Out, "    %s may no longer %s\n", a.Style(show.Green, "-"), line)
	}
}

func signerText(c *plugins.Change) string {
	k := c.After.Signer.Key
	switch {
	case k == "":
		return "nobody"
	case c.Vouched:
		return k.Fingerprint() + ", a key that you trust"
	case c.Unseen:
		return k.Fingerprint() + "\n    named by " + plugins.LockFileName +
			", and never seen on this machine: compare it with the key that the publisher announces"
	case c.FirstUse:
		return k.Fingerprint() + "\n    the first key seen of this publisher, and now remembered: compare it with " +
			"the key that the publisher announces"
	case c.Before.Version.IsZero():
		return k.Fingerprint() + ", as before for this publisher"
	}
	return k.Fingerprint() + ", as before"
}

// consent asks the user for the consent that a plan needs, or takes it from the flags.
func (a *app) consent(ctx context.Context, plan *plugins.Plan, f installFlags) error {
	var more sdk.Permissions
	var paths plugins.PathSettings
	alike, unseen := false, false
	for _, c := range plan.NeedsConsent() {
		more, paths = more.Or(c.More), paths.Or(c.MorePaths)
		alike, unseen = alike || len(c.LooksLike) > 0, unseen || c.Unseen
	}
	asked := grantTexts(more, paths)
	switch {
	case f.yes:
		return nil
	case len(f.grants) > 0 && !alike && !unseen:
		return checkGrants(f.grants, asked)
	case !show.IsTerminal(os.Stdin) || f.asJSON:
		return usageError{withoutTerminal(asked, alike, unseen)}
	}
	question := "Install?"
	if len(asked) > 0 {
		question = "Install, and grant the permissions above?"
	}
	fmt.Fprintf(a.Err, "%s [y/N] ", question)
	answer, err := readLine(ctx, os.Stdin)
	if err != nil {
		return err
	}
	if answer = strings.ToLower(strings.TrimSpace(answer)); answer == "y" || answer == "yes" {
		return nil
	}
	return errors.New("nothing was installed")
}

func withoutTerminal(asked []string, alike, unseen bool) error {
	switch {
	case alike:
		return errors.New("a name looks like another's, and there is no terminal to ask in: see the warning; if it " +
			"is what you meant, add --yes")
	case unseen:
		return fmt.Errorf("%s names a publisher that was never seen on this machine, and there is no terminal to "+
			"ask in: to follow the file as it stands add --locked, or --yes to remember the key too",
			plugins.LockFileName)
	}
	var grants []string
	for _, g := range asked {
		grants = append(grants, fmt.Sprintf("--grant '%s'", g))
	}
	return fmt.Errorf("permissions are asked for, and there is no terminal to ask in; if you grant them, add --yes, "+
		"or exactly\n  %s", strings.Join(grants, " "))
}

// grantNames are the prefixes of --grant, in the order of grantTexts.
var grantNames = []string{"http", "fs_read", "fs_write", "dial", "methods", "paths_read", "paths_write"}

// grantTexts formats permissions and path settings for --grant.
func grantTexts(p sdk.Permissions, paths plugins.PathSettings) []string {
	var out []string
	for i, entries := range [][]string{p.HTTP, p.FSRead, p.FSWrite, p.Dial, p.Methods, paths.Read, paths.Write} {
		for _, e := range entries {
			out = append(out, grantNames[i]+"="+e)
		}
	}
	return out
}

// checkGrants returns an error unless given and wanted grants are the same.
func checkGrants(given, wanted []string) error {
	for _, g := range given {
		if name, _, ok := strings.Cut(g, "="); !ok || !slices.Contains(grantNames, name) {
			return usageError{fmt.Errorf("--grant %s: want one of %s, then = and what is granted", g,
				strings.Join(grantNames, ", "))}
		}
	}
	for _, w := range wanted {
		if !slices.Contains(given, w) {
			return usageError{fmt.Errorf("%s is asked for and not granted: add --grant '%s', or do not install it", w,
				w)}
		}
	}
	for _, g := range given {
		if !slices.Contains(wanted, g) {
			return usageError{fmt.Errorf("--grant %s: nothing asks for it", g)}
		}
	}
	return nil
}

// readLine reads a line, or returns the error of ctx.
func readLine(ctx context.Context, r io.Reader) (string, error) {
	type answer struct {
		text string
		err  error
	}
	answered := make(chan answer, 1)
	go func() { // a read from a terminal cannot be cancelled; it ends with the process at the latest
		text, err := bufio.NewReader(r).ReadString('\n')
		if errors.Is(err, io.EOF) {
			err = nil
		}
		answered <- answer{text, err}
	}()
	select {
	case <-ctx.Done():
		return "", ctx.Err()
	case got := <-answered:
		return got.text, got.err
	}
}
