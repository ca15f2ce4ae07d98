// help: shows a page of the manual, or the help of a command.

package main

import (
	"fmt"
	"path"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/scrapekit/scrapekit/cmd/scrapekit/docs"
	"github.com/scrapekit/scrapekit/cmd/scrapekit/internal/markdown"
	"github.com/scrapekit/scrapekit/cmd/scrapekit/internal/show"
)

func (a *app) helpCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "help [SUBJECT | COMMAND]",
		Short:   "Show a page of the manual, or help about a command",
		Long:    "Shows a page of the manual, or help about a command. Without an argument it lists both.",
		Example: "  scrapekit help pipeline\n  scrapekit help state show",
		RunE: func(cmd *cobra.Command, given []string) error {
			if len(given) == 0 {
				return a.listHelp(cmd.Root())
			}
			if text, ok := docs.Page(given[0]); ok && len(given) == 1 {
				return a.showPage(text)
			}
			found, rest, err := cmd.Root().Find(given)
			if err != nil || len(rest) > 0 {
				return usageError{fmt.Errorf("there is no page and no command %q; the pages are %s",
					strings.Join(given, " "), strings.Join(docs.Subjects, ", "))}
			}
			found.InitDefaultHelpFlag()
			return found.Help()
		},
		ValidArgsFunction: func(cmd *cobra.Command, given []string, _ string) ([]string, cobra.ShellCompDirective) {
			return completions(cmd.Root(), given), cobra.ShellCompDirectiveNoFileComp
		},
	}
}

// completions returns the pages and commands that may follow.
func completions(root *cobra.Command, given []string) []string {
	var out []string
	if len(given) == 0 {
		for _, s := range docs.Subjects {
			out = append(out, s+"\t"+docs.Title(s))
		}
	}
	parent, rest, err := root.Find(given)
	if err != nil || len(rest) > 0 {
		return out
	}
	for _, c := range parent.Commands() {
		if c.IsAvailableCommand() {
			out = append(out, c.Name()+"\t"+c.Short)
		}
	}
	return out
}

func (a *app) listHelp(root *cobra.Command) error {
	if err := root.Help(); err != nil {
		return err
	}
	fmt.Fprintln(a.Out, "\nPages of the manual, shown by `scrapekit help SUBJECT`:")
	w := tabwriter.NewWriter(a.Out, 0, 4, 2, ' ', 0)
	for _, s := range docs.Subjects {
		fmt.Fprintf(w, "  %s\t%s\n", s, docs.Title(s))
	}
	return w.Flush()
}

// pageWidth returns the columns of a page: those of the terminal, but no more than is easy to read.
func pageWidth(columns int) int {
	const pipe, widest = 80, 120
	if columns == 0 {
		return pipe
	}
	return min(columns, widest)
}

func (a *app) showPage(text string) error {
	styled := show.Colorful(a.Out)
	return markdown.Write(a.Out, text, markdown.Screen{
		Width: pageWidth(show.ColumnsOf(a.Out)), Styled: styled, Link: linkTarget,
		Paint: func(parameters, s string) string { return show.Paint(styled, show.Ink(parameters), s) },
	})
}

// linkTarget returns what a link's target is in a terminal: another page, a file of the repository,
// or a URL.
func linkTarget(target string) string {
	target, _, _ = strings.Cut(target, "#")
	if subject, ok := strings.CutSuffix(target, ".md"); ok && slices.Contains(docs.Subjects, subject) {
		return "scrapekit help " + subject
	}
	if target == "" || strings.Contains(target, "://") {
		return target
	}
	return strings.TrimPrefix(path.Join("cmd/scrapekit/docs", target), "./")
}
