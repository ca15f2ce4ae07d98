// plugins new: generates a plugin's repository.

package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/scrapekit/scrapekit/cmd/scrapekit/internal/author"
)

func (a *app) pluginsNewCommand() *cobra.Command {
	var r author.Repository
	var tidy bool
	cmd := &cobra.Command{
		Use: "new KIND NAME", Short: "Write a repository for a new source, transform or sink", Args: args,
		Example: "" +
			"  scrapekit plugins new source forum\n  scrapekit plugins new source forum --lang " +
			"typescript --license mit\n" +
			"  scrapekit plugins new sink lake --lang python",
		Long: "" +
			"Writes a repository that builds and passes its tests: the plugin, its tests, an example pipeline, its\n" +
			"CI, and the steps of a release. KIND is source, transform or sink. If a file " +
			"exists already, nothing is\n" +
			"written.",
		RunE: func(cmd *cobra.Command, given []string) error {
			r.Kind, r.Name = given[0], given[1]
			if err := r.Check(); err != nil {
				return usageError{err}
			}
			return a.newPlugin(cmd.Context(), r, tidy)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&r.Lang, "lang", "go", "language: "+strings.Join(author.Langs, ", "))
	flags.StringVar(&r.License, "license", "apache-2.0", "licence of the plugin: "+strings.Join(author.Licenses, ", "))
	flags.StringVar(&r.Dir, "dir", "", "the folder to write (default scrapekit-KIND-NAME)")
	flags.StringVar(&r.Module, "module", "", "path of the Go module (default example.com/scrapekit-KIND-NAME)")
	flags.StringVar(&r.Replace, "replace", "",
		"a checkout of scrapekit to build against, instead of a released version")
	flags.BoolVar(&tidy, "tidy", true, "run `go mod tidy` in the repository")
	return cmd
}

func (a *app) newPlugin(ctx context.Context, r author.Repository, tidy bool) error {
	if r.Dir == "" {
		r.Dir = r.Program()
	}
	if r.Module == "" {
		r.Module = "example.com/" + r.Program()
	}
	if v := version(); strings.HasPrefix(v, "v") && !strings.Contains(v, "+") {
		r.Version = v
	}
	if r.Replace != "" {
		abs, err := filepath.Abs(r.Replace)
		if err != nil {
			return err
		}
		if _, err := os.Stat(filepath.Join(abs, "go.mod")); err != nil {
			return usageError{fmt.Errorf("--replace %s: no checkout of scrapekit: %w", r.Replace, err)}
		}
		r.Replace, r.Version = filepath.ToSlash(abs), "v0.0.0"
	}
	files, err := r.Write()
	if err != nil {
		return err
	}
	for _, file := range files {
		fmt.Fprintln(a.Out, filepath.Join(r.Dir, file))
	}
	var next string
	switch {
	case r.TypeScript():
		next = "npm ci"
	case !r.Python() && tidy:
		next = a.tidy(ctx, r)
	}
	fmt.Fprintf(a.Out, "\nnext:\n  cd %s\n", r.Dir)
	if next != "" {
		fmt.Fprintf(a.Out, "  %s\n", next)
	}
	fmt.Fprintf(a.Out, "  scrapekit plugins test .%s\n", r.ReplayFlag())
	return nil
}

// ownModule is the module with the SDK.
const ownModule = "github.com/scrapekit/scrapekit"

// tidy runs go mod tidy. If it fails, tidy returns the command for the user to run.
func (a *app) tidy(ctx context.Context, r author.Repository) string {
	cmd := exec.CommandContext(ctx, "go", "mod", "tidy")
	cmd.Dir = r.Dir
	out, err := cmd.CombinedOutput()
	switch {
	case err == nil:
		return ""
	case r.Replace == "" && bytes.Contains(out, []byte(ownModule)):
		// go mod tidy prints dozens of lines about it.
		fmt.Fprintf(a.Err, "go mod tidy: %s cannot be downloaded. To build against a checkout in DIR: `plugins "+
			"new` with --replace DIR, or now, in %s,\n"+
			"  go mod edit -replace %s=DIR\n", ownModule, r.Dir, ownModule)
	default:
		fmt.Fprintf(a.Err, "go mod tidy: %v\n%s", err, out)
	}
	return "go mod tidy"
}
