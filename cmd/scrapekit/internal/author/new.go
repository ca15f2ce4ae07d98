// New: generates a plugin's repository from templates.

package author

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"go/format"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"text/template"
	"time"

	"github.com/scrapekit/scrapekit/examples"
	"github.com/scrapekit/scrapekit/sdk/python"
	"github.com/scrapekit/scrapekit/sdk/typescript"
)

//go:embed all:templates
var templates embed.FS

// Repository describes a new repository.
type Repository struct {
	Kind    string // source, transform or sink
	Name    string // of the plugin
	Lang    string // one of Langs
	License string // one of Licenses
	Dir     string // folder to write
	Module  string // Go module; "": example.com/ and the program's name
	Version string // of scrapekit, for go.mod; "": the latest
	Replace string // checkout of scrapekit to build against; "": none
}

// The choices.
var (
	Kinds    = []string{"source", "transform", "sink"}
	Langs    = []string{"go", "typescript", "python"}
	Licenses = []string{"apache-2.0", "mit", "none"}
)

var pluginName = regexp.MustCompile(`^[a-z][a-z0-9-]{0,39}$`)

// Check returns an error for an invalid choice.
func (r Repository) Check() error {
	for _, c := range []struct {
		what, value string
		of          []string
	}{{"kind", r.Kind, Kinds}, {"--lang", r.Lang, Langs}, {"--license", r.License, Licenses}} {
		if !slices.Contains(c.of, c.value) {
			return fmt.Errorf("%s %q: there are %s", c.what, c.value, strings.Join(c.of, ", "))
		}
	}
	if !pluginName.MatchString(r.Name) {
		return fmt.Errorf("%q cannot be the name of a plugin: small letters, digits and -, at most 40, a letter first",
			r.Name)
	}
	return nil
}

// Program is the name of the program, the repository and its module.
func (r Repository) Program() string { return "scrapekit-" + r.Kind + "-" + r.Name }

// Python reports whether the language is Python.
func (r Repository) Python() bool { return r.Lang == "python" }

// TypeScript reports whether the language is TypeScript.
func (r Repository) TypeScript() bool { return r.Lang == "typescript" }

// HasLicense reports whether the repository has a file LICENSE.
func (r Repository) HasLicense() bool { return r.License != "none" }

// Year is the copyright's year.
func (r Repository) Year() int { return time.Now().Year() }

// ReplayFlag is the flag with which commands use recorded replies instead of the remote system.
func (r Repository) ReplayFlag() string {
	if r.Kind != "source" {
		return ""
	}
	return " --replay testdata/replies.jsonl"
}

// Write writes the repository and returns its files. If one of them exists, it writes nothing.
func (r Repository) Write() ([]string, error) {
	files, err := r.files()
	if err != nil {
		return nil, err
	}
	var names, taken []string
	for name := range files {
		names = append(names, name)
		if _, err := os.Lstat(filepath.Join(r.Dir, name)); !errors.Is(err, fs.ErrNotExist) {
			taken = append(taken, filepath.Join(r.Dir, name))
		}
	}
	slices.Sort(names)
	slices.Sort(taken)
	if len(taken) > 0 {
		return nil, fmt.Errorf("nothing is written, for these are there already: %s; choose another folder with --dir",
			strings.Join(taken, ", "))
	}
	for _, name := range names {
		if err := writeNew(filepath.Join(r.Dir, name), files[name]); err != nil {
			return nil, err
		}
	}
	return names, nil
}

func writeNew(file string, text []byte) error {
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	mode := fs.FileMode(0o644)
	if bytes.HasPrefix(text, []byte("#!")) {
		mode = 0o755
	}
	f, err := os.OpenFile(file, os.O_CREATE|os.O_EXCL|os.O_WRONLY, mode)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	return errors.Join(err, f.Close())
}

// files returns the content of each file.
func (r Repository) files() (map[string][]byte, error) {
	out := map[string][]byte{}
	err := r.render(out, "common")
	switch r.Lang {
	case "typescript":
		err = errors.Join(err, r.render(out, "typescript"), r.typescript(out),
			takeIn(out, "vendor/scrapekit", typescript.SDK))
		if r.Kind != "source" {
			err = errors.Join(err, r.showing(out), r.render(out, "typescript-"+r.Kind))
		}
	case "python":
		err = errors.Join(err, r.showing(out), r.render(out, "python"), r.render(out, "python-"+r.Kind),
			takeIn(out, "vendor", python.SDK))
	default:
		err = errors.Join(err, r.render(out, "go"), r.render(out, r.Kind))
	}
	if r.HasLicense() {
		err = errors.Join(err, r.renderFile(out, "LICENSE", "templates/licenses/"+r.License+".tmpl"))
	}
	if r.Kind == "source" {
		// Embedded, so it exists.
		out["testdata/replies.jsonl"], _ = examples.TypeScript.ReadFile("source-typescript/testdata/replies.jsonl")
	}
	return out, err
}

// render executes the templates in a folder.
func (r Repository) render(out map[string][]byte, folder string) error {
	root := "templates/" + folder
	return fs.WalkDir(templates, root, func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		return r.renderFile(out, strings.TrimSuffix(strings.TrimPrefix(file, root+"/"), ".tmpl"), file)
	})
}

func (r Repository) renderFile(out map[string][]byte, name, file string) error {
	t, err := template.New(path.Base(file)).ParseFS(templates, file)
	if err != nil {
		return err
	}
	var text bytes.Buffer
	if err := t.Execute(&text, r); err != nil {
		return err
	}
	made := append(bytes.TrimSpace(text.Bytes()), '\n')
	if strings.HasSuffix(name, ".go") {
		made, err = format.Source(made)
	}
	out[name] = made
	return err
}

// showing writes the example pipeline file.
func (r Repository) showing(out map[string][]byte) error {
	return r.renderFile(out, "example.hcl", "templates/"+r.Kind+"/example.hcl.tmpl")
}

// takeIn adds the files of an SDK.
func takeIn(out map[string][]byte, folder string, sdk fs.FS) error {
	return fs.WalkDir(sdk, ".", func(file string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			out[folder+"/"+file], err = fs.ReadFile(sdk, file)
		}
		return err
	})
}

// typescript adapts the TypeScript example to the plugin's name.
func (r Repository) typescript(out map[string][]byte) error {
	const root = "source-typescript"
	names := strings.NewReplacer(`"scrapekit-source-forum"`, `"`+r.Program()+`"`, `"bin/forum"`, `"bin/`+r.Name+`"`,
		`"./bin/forum"`, `"./bin/`+r.Name+`"`,
		"../../sdk/typescript", "vendor/scrapekit", `name: "forum"`, `name: "`+r.Name+`"`, `"license": "Apache-2.0"`,
		`"license": "`+map[string]string{"apache-2.0": "Apache-2.0", "mit": "MIT", "none": "UNLICENSED"}[r.License]+`"`)
	return fs.WalkDir(examples.TypeScript, root, func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		raw, err := examples.TypeScript.ReadFile(file)
		if name := strings.TrimPrefix(file, root+"/"); r.Kind == "source" || !strings.HasPrefix(name, "testdata/") {
			out[name] = []byte(names.Replace(string(raw)))
		}
		return err
	})
}
