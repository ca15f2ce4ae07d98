// init: installs the plugins that pipeline files require.

package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/scrapekit/scrapekit/cmd/scrapekit/internal/show"
	"github.com/scrapekit/scrapekit/core"
	"github.com/scrapekit/scrapekit/core/plugins"
)

const installHelp = `A plugin that asks for more permissions than every plugin has is installed only if you grant them. In a
terminal you are asked. Elsewhere --yes grants everything that is asked for, and --grant exactly what it
names; if that is not enough, nothing is installed. An update that asks for more shows the difference and
asks again.`

// installFlags are the flags of commands that install.
type installFlags struct {
	dir       string
	yes       bool
	grants    []string
	platforms []string
	mirror    string
	asJSON    bool
}

func (f *installFlags) add(cmd *cobra.Command) {
	cmd.Flags().BoolVarP(&f.yes, "yes", "y", false, "grant everything that plugins ask for, without a question")
	cmd.Flags().StringArrayVar(&f.grants, "grant", nil,
		"a permission to grant, such as http=https://api.example.com or dial=db.example.com:5432;\n"+
			"repeatable, and together they must be all that is asked for")
	cmd.Flags().StringSliceVar(&f.platforms, "platform", nil,
		"platforms to install for, such as linux_arm64,darwin_arm64 (default this machine's)")
	cmd.Flags().StringVar(&f.mirror, "mirror", "",
		"get everything from this mirror: oci-layout:FOLDER, or HOST/PREFIX/{path} of a registry")
	cmd.Flags().BoolVar(&f.asJSON, "json", false, "print what was done as JSON")
}

func (f *installFlags) addDir(cmd *cobra.Command) { addDir(cmd, &f.dir) }

func addDir(cmd *cobra.Command, dir *string) {
	cmd.Flags().StringVar(dir, "dir", ".", "the folder with "+plugins.LockFileName)
}

// installer returns the installer of a folder, for the platforms in the flags.
func (a *app) installer(dir string, f installFlags) (*plugins.Installer, error) {
	o, err := a.options(nil)
	if err != nil {
		return nil, err
	}
	in, err := plugins.NewInstaller(dir, o)
	if err != nil {
		return nil, err
	}
	in.Mirror = f.mirror
	in.Consent = func(ctx context.Context, p *plugins.Plan) error { return a.consent(ctx, p, f) }
	in.Note = func(line string) {
		if !f.asJSON {
			fmt.Fprintln(a.Out, line)
		}
	}
	if in.Platforms, err = platforms(f.platforms, in.Platforms); err != nil {
		return nil, err
	}
	return in, nil
}

func platforms(given []string, preset []plugins.Platform) ([]plugins.Platform, error) {
	if len(given) == 0 {
		return preset, nil
	}
	var out []plugins.Platform
	for _, text := range given {
		p, err := plugins.ParsePlatform(text)
		if err != nil {
			return nil, usageError{fmt.Errorf("--platform: %w", err)}
		}
		if !slices.Contains(out, p) {
			out = append(out, p)
		}
	}
	return out, nil
}

func (a *app) initCommand() *cobra.Command {
	var f installFlags
	var vars fileFlags
	var how plugins.Mode
	cmd := &cobra.Command{
		Use:   "init [FILE...]",
		Short: "Install the plugins that pipeline files require",
		Long: "Installs the plugins in required_plugins of the pipeline files, or of all pipeline files in this\n" +
			"folder, and writes exactly what it installed into " + plugins.LockFileName +
			" beside them. Plugins that are\n" +
			"locked there already are installed as locked. Run it after each change of required_plugins, and on\n" +
			"every machine. Keep " + plugins.LockFileName + " in version control.\n\n" + installHelp,
		Example: "  scrapekit init\n  scrapekit init --upgrade jira.hcl\n  scrapekit init --locked",
		RunE: func(cmd *cobra.Command, given []string) error {
			if how.Upgrade && how.Locked {
				return usageError{errors.New("--upgrade changes what --locked keeps: give one of them")}
			}
			return a.init(cmd.Context(), given, vars, f, how)
		},
	}
	f.add(cmd)
	vars.add(cmd)
	cmd.Flags().BoolVarP(&how.Upgrade, "upgrade", "u", false, "take the newest versions that the pipeline files allow")
	cmd.Flags().BoolVar(&how.Locked, "locked", false, "fail if "+plugins.LockFileName+" would have to change: for CI")
	return cmd
}

func (a *app) init(ctx context.Context, files []string, vars fileFlags, f installFlags, how plugins.Mode) error {
	values, err := vars.values()
	if err != nil {
		return err
	}
	whole := len(files) == 0
	if whole {
		if files, err = plugins.PipelineFiles("."); err != nil {
			return err
		}
		if len(files) == 0 {
			return usageError{errors.New("there is no pipeline file in this folder: name one")}
		}
	}
	dir, err := folderOf(files)
	if err != nil {
		return err
	}
	demands, local, diags := plugins.Demands(ctx, files, values)
	if len(diags) > 0 {
		if err := core.WriteDiagnostics(a.Err, diags, a.Paint, show.WidthOf(a.Err)); err != nil {
			return err
		}
		if diags.HasErrors() {
			return invalidError{strings.Join(files, ", ")}
		}
	}
	if err := a.checkLocal(local, how.Locked); err != nil {
		return err
	}
	return a.initAs(ctx, dir, demands, whole, f, how)
}

// folderOf returns the folder of all files, which must be the same, because they share a lock file.
func folderOf(files []string) (string, error) {
	dir := filepath.Dir(files[0])
	for _, file := range files {
		if other := filepath.Dir(file); other != dir {
			return "", usageError{fmt.Errorf(
				"%s and %s are in different folders, and each folder has a %s of its own: run it for one after "+
					"the other", files[0], file, plugins.LockFileName)}
		}
	}
	return dir, nil
}

// checkLocal warns that local programs are not locked.
func (a *app) checkLocal(local []plugins.LocalPlugin, locked bool) error {
	for _, p := range local {
		if locked {
			return &plugins.NotLockedError{Source: p.Where + ": " + p.Name,
				Why: p.Path + " is a file of this machine, which nothing can lock"}
		}
		fmt.Fprintf(a.Err, "%s %s: %s is %s, a file of this machine: it runs as it is, and is not locked\n",
			a.Style(show.Yellow, "note:"), p.Where, p.Name, p.Path)
	}
	return nil
}

func (a *app) initAs(ctx context.Context, dir string, demands []plugins.Demand, whole bool, f installFlags,
	how plugins.Mode) error {
	in, err := a.installer(dir, f)
	if err != nil {
		return err
	}
	var unwanted []string
	if whole && !how.Locked {
		if unwanted, err = in.Unwanted(demands); err != nil {
			return err
		}
	}
	plan, err := in.Resolve(ctx, demands, how)
	if err != nil {
		return err
	}
	if len(plan.Changes)+len(unwanted) == 0 && !f.asJSON {
		fmt.Fprintln(a.Out, "only shipped plugins are required: there is nothing to install")
		return nil
	}
	return a.apply(ctx, in, plan, unwanted, f)
}

// apply shows a plan and executes it.
func (a *app) apply(ctx context.Context, in *plugins.Installer, plan *plugins.Plan, remove []string,
	f installFlags) error {
	if !f.asJSON {
		a.printInstall(plan, remove)
	}
	if err := in.Apply(ctx, plan, remove...); err != nil {
		return err
	}
	if f.asJSON {
		return a.json(installed(plan, remove))
	}
	if len(remove) > 0 || slices.ContainsFunc(plan.Changes, func(c *plugins.Change) bool { return c.Changes() }) {
		fmt.Fprintf(a.Out, "%s is written; keep it in version control\n", plugins.LockFileName)
	}
	fmt.Fprintf(a.Out, "%s %s ready\n", show.Many(int64(len(plan.Changes)), "plugin"), isAre(len(plan.Changes)))
	return nil
}

func isAre(n int) string {
	if n == 1 {
		return "is"
	}
	return "are"
}
