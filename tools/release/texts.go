// Texts: completions and man pages. The program itself says what is in them.

package main

import (
	"bytes"
	"context"
	_ "embed"
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"text/template"
)

// texts are the completions of the shells, and a man page for each command.
func (r *release) texts(ctx context.Context) ([]file, error) {
	p, err := r.build(ctx, thisPlatform)
	if err != nil {
		return nil, err
	}
	program, err := filepath.Abs(p.path)
	if err != nil {
		return nil, err
	}
	var all []file
	for shell, name := range map[string]string{"bash": "scrapekit.bash", "zsh": "_scrapekit", "fish": "scrapekit.fish",
		"powershell": "scrapekit.ps1"} {
		out, err := r.output(ctx, nil, program, "completion", shell)
		if err != nil {
			return nil, err
		}
		all = append(all, file{"completions/" + name, out, 0o644})
	}
	pages, err := r.manual(ctx, program, nil)
	return append(all, pages...), err
}

var subcommand = regexp.MustCompile(`(?m)^  ([a-z][a-z-]*) +\S`)

// manual makes the page of a command, and those of the commands below it.
func (r *release) manual(ctx context.Context, program string, words []string) ([]file, error) {
	out, err := r.output(ctx, nil, program, append(words[:len(words):len(words)], "--help")...)
	if err != nil {
		return nil, err
	}
	name := strings.Join(append([]string{"scrapekit"}, words...), "-")
	all := []file{{"man/man1/" + name + ".1", r.page(name, string(out)), 0o644}}
	_, commands, _ := strings.Cut(string(out), "\nAvailable Commands:\n")
	commands, _, _ = strings.Cut(commands, "\n\n")
	for _, m := range subcommand.FindAllStringSubmatch(commands, -1) {
		below, err := r.manual(ctx, program, append(words[:len(words):len(words)], m[1]))
		if err != nil {
			return nil, err
		}
		all = append(all, below...)
	}
	return all, nil
}

// page writes a help text as a man page: its first line is what the command is, the rest is shown
// as it is.
func (r *release) page(name, help string) []byte {
	escape := func(text string) string {
		text = strings.ReplaceAll(text, `\`, `\e`)
		text = strings.ReplaceAll(text, "-", `\-`)
		return regexp.MustCompile(`(?m)^([.'])`).ReplaceAllString(text, `\&$1`)
	}
	first, rest, _ := strings.Cut(help, "\n")
	var b bytes.Buffer
	fmt.Fprintf(&b, ".TH %q 1 %q %q\n", strings.ToUpper(name), r.date.Format("2006-01-02"), "scrapekit "+r.version)
	fmt.Fprintf(&b, ".SH NAME\n%s \\- %s\n.SH DESCRIPTION\n.nf\n%s\n.fi\n", escape(name),
		escape(strings.TrimSuffix(first, ".")), escape(strings.TrimSpace(first+"\n"+rest)))
	return b.Bytes()
}

//go:embed Containerfile.tmpl
var containerfile string

// containerfile is the recipe of an image, to be built in the folder of the release.
func (r *release) containerfile() ([]byte, error) {
	t, err := template.New("Containerfile").Parse(containerfile)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	err = t.Execute(&b, map[string]string{"Name": r.name(), "Version": r.version, "Commit": r.commit})
	return b.Bytes(), err
}
