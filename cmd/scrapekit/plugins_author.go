// Commands for plugin authors: from programs to a published release.

package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/scrapekit/scrapekit/core/plugins"
)

// authorCommands are the parts of `scrapekit plugins` that an author uses.
func (a *app) authorCommands() []*cobra.Command {
	return []*cobra.Command{a.pluginsKeygenCommand(), a.pluginsPackCommand(), a.pluginsSignCommand(),
		a.pluginsPushCommand()}
}

func (a *app) pluginsPackCommand() *cobra.Command {
	var p plugins.Packing
	var asJSON bool
	cmd := &cobra.Command{
		Use: "pack --source NAME PROGRAM...", Short: "Pack the programs of a plugin into a release",
		Long: "Packs the programs of a plugin, one for each platform, into a folder with the files of a release: an\n" +
			"archive for each program, a statement that describes them, and SHA256SUMS. PROGRAM is a file, or\n" +
			"PLATFORM=FILE, such as linux_amd64=FILE, if the file does not tell its platform. The program for this\n" +
			"platform is started to ask for its name, version, kind and permissions.\n\n" +
			"NAME is where the plugin will be published, and its name for ever: HOST/PATH of an OCI registry,\n" +
			"https://HOST/PATH for files, or github.com/OWNER/REPOSITORY for GitHub releases. The same programs\n" +
			"give the same bytes.",
		Example: "  scrapekit plugins pack --source registry.example.com/acme/scrapekit-hello --include LICENSE " +
			"build/*",
		RunE: func(cmd *cobra.Command, given []string) error {
			switch {
			case p.Source == "":
				return usageError{errors.New(
					"--source is missing: where the plugin will be published, such as " +
						"registry.example.com/acme/scrapekit-hello")}
			case len(given) == 0:
				return usageError{errors.New("PROGRAM... is missing: the programs to pack, one for each platform")}
			}
			p.Programs, p.Sandbox = given, a.sandbox
			out, err := plugins.Pack(cmd.Context(), p)
			if err != nil {
				return err
			}
			if asJSON {
				return a.json(out)
			}
			a.printPacked("packed", out)
			fmt.Fprintf(a.Out, "next:        scrapekit plugins sign --key FILE %s\n", out.Dir)
			return nil
		},
	}
	cmd.Flags().StringVar(&p.Source, "source", "", "where the plugin will be published: its name")
	cmd.Flags().StringVarP(&p.Dir, "out", "o", "dist", "the folder to write; an earlier release there is replaced")
	cmd.Flags().StringArrayVar(&p.Include, "include", nil,
		"a file to include: LICENSE, NOTICE, README or CHANGELOG; repeatable")
	cmd.Flags().StringVar(&p.Describe, "describe", "",
		"a file with the output of PROGRAM --describe, if no program is for this platform")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print what was packed as JSON")
	return cmd
}

// printPacked describes a release.
func (a *app) printPacked(done string, p *plugins.Packed) {
	fmt.Fprintf(a.Out, "%s %s %s, %s, in %s\n", done, p.Source, p.Version, p.Kind, p.Dir)
	fmt.Fprintf(a.Out, "platforms:   %s\n", strings.Join(p.Platforms, ", "))
	for i, line := range slices.Concat(p.Permissions.Lines(), p.Paths.Lines()) {
		title := ""
		if i == 0 {
			title = "permissions:"
		}
		fmt.Fprintf(a.Out, "%-12s %s\n", title, line)
	}
	fmt.Fprintf(a.Out, "index:       %s\n", p.Index)
	if p.Key != "" {
		fmt.Fprintf(a.Out, "signed by:   %s (%s)\n", p.Key, p.KeyID)
	}
}

func (a *app) pluginsPushCommand() *cobra.Command {
	var unsigned, asJSON bool
	cmd := &cobra.Command{
		Use: "push DIR [TO]", Short: "Publish a release to a registry, an OCI layout or a folder",
		Long: "" +
			"Publishes the release in DIR, which `scrapekit plugins pack` made and `scrapekit plugins sign` signed.\n" +
			"TO is\n\n" +
			"  HOST/PATH           a repository of an OCI registry (default the name of the release)\n" +
			"  oci-layout:FOLDER   a folder in the OCI layout, for machines without a network\n" +
			"  ./FOLDER            a folder of files, to be served at the URL that is the name of the release\n\n" +
			"Registries take the credentials of Docker: `docker login` and its helpers. A version is published\n" +
			"once: a different release of the same version is an error, the same release is not.",
		Args: cobra.RangeArgs(0, 2),
		RunE: func(cmd *cobra.Command, given []string) error {
			if len(given) == 0 {
				return usageError{errors.New("DIR is missing: the folder that `scrapekit plugins pack` made")}
			}
			p, to, err := plugins.Push(cmd.Context(), given[0], strings.Join(given[1:], ""), unsigned)
			switch {
			case errors.Is(err, plugins.ErrUnsigned):
				return fmt.Errorf("%w: sign it with `scrapekit plugins sign --key FILE %s`, or push it with "+
					"--unsigned for those who install without signatures", err, given[0])
			case err != nil:
				return err
			case asJSON:
				return a.json(p)
			}
			fmt.Fprintf(a.Out, "published %s %s at %s\n", p.Source, p.Version, to)
			if p.Key != "" {
				fmt.Fprintf(a.Out, "tell your users the key: %s\n", p.Key)
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&unsigned, "unsigned", false, "publish an unsigned release")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print what was published as JSON")
	return cmd
}

func (a *app) pluginsSignCommand() *cobra.Command {
	var key string
	var asJSON bool
	cmd := &cobra.Command{
		Use: "sign --key FILE DIR", Short: "Sign a packed release",
		Long: "Signs the release in DIR, which `scrapekit plugins pack` made, with a key from\n" +
			"`scrapekit plugins keygen` or minisign. `minisign -Vm statement.json -P KEY` verifies it too.\n\n" +
			passwordHelp,
		RunE: func(cmd *cobra.Command, given []string) error {
			switch {
			case key == "":
				return usageError{errors.New("--key is missing: the file with the private key")}
			case len(given) != 1:
				return usageError{errors.New("name one folder: the one that `scrapekit plugins pack` made")}
			}
			p, err := plugins.SignPacked(given[0], key,
				func() (string, error) { return a.password(cmd.Context(), "password of "+filepath.Base(key)+": ") })
			if err != nil {
				return err
			}
			if asJSON {
				return a.json(p)
			}
			a.printPacked("signed", p)
			if p.GitHub {
				fmt.Fprintf(a.Out, "next:        make a release v%s at GitHub with the files of %s\n", p.Version, p.Dir)
				return nil
			}
			fmt.Fprintf(a.Out, "next:        scrapekit plugins push %s\n", p.Dir)
			return nil
		},
	}
	cmd.Flags().StringVar(&key, "key", "", "the file with the private key")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print what was signed as JSON")
	return cmd
}
