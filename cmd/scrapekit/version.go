// version: the origin of this program.

package main

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"

	"github.com/scrapekit/scrapekit/core"
)

// The linker sets these in a release; see tools/release.
var released, commit, date string

func (a *app) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Print the version", Args: args,
		RunE: func(*cobra.Command, []string) error {
			fmt.Fprintf(a.Out, "scrapekit %s%s, plugin protocol %d, %s %s/%s\n", version(), built(),
				core.ProtocolVersion, runtime.Version(), runtime.GOOS, runtime.GOARCH)
			return nil
		},
	}
}

// version returns the version of the release, or of the module.
func version() string {
	if released != "" {
		return released
	}
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" {
		return "(devel)"
	}
	return info.Main.Version
}

// built returns the commit and its date, as far as the build knows.
func built() string {
	commit, date, changed := commit, date, ""
	if info, ok := debug.ReadBuildInfo(); ok && released == "" {
		for _, s := range info.Settings {
			switch s.Key {
			case "vcs.revision":
				commit = s.Value
			case "vcs.time":
				date, _, _ = strings.Cut(s.Value, "T")
			case "vcs.modified":
				if s.Value == "true" {
					changed = " and changes"
				}
			}
		}
	}
	if commit == "" {
		return ""
	}
	return fmt.Sprintf(", commit %.12s of %s%s", commit, date, changed)
}
