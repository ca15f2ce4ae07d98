// Package author has the basis of the commands for plugin authors: it finds, builds, watches and
// generates a plugin's folder.
package author

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

// Options are what the files do not say.
type Options struct {
	Build  string // shell command that builds the plugin; "": the language's default
	Config string // pipeline file that uses the plugin; "": the one beside it
	Out    string // existing folder for the build's output
}

// Project is a plugin's program, or the folder that it is built from.
type Project struct {
	Dir     string // absolute folder of the sources, or of the program
	Program string // absolute path of the executable
	Example string // pipeline file that uses it; "": none
	// Shown are files that this process writes, such as its standard output. They are not watched.
	Shown   []*os.File
	build   []string
	isDir   bool
	outputs map[string]bool // files that the plugin writes, see Changed
}

// Find examines a path. It builds nothing.
func Find(path string, o Options) (*Project, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	info, err := os.Stat(abs)
	if err != nil && o.Build == "" {
		return nil, fmt.Errorf("plugin %s: %w", path, errors.Unwrap(err))
	}
	p := &Project{Dir: abs, Program: abs, isDir: err == nil && info.IsDir()}
	if p.isDir {
		err = p.language(o)
	} else {
		p.Dir, err = filepath.Dir(abs), nil
		if o.Build != "" {
			p.build = shell(o.Build)
			p.Dir, err = os.Getwd()
		}
	}
	if err != nil {
		return nil, fmt.Errorf("plugin %s: %w", path, err)
	}
	p.Example, err = p.example(o.Config)
	return p, err
}

// language determines how a folder is built.
func (p *Project) language(o Options) error {
	switch {
	case o.Build != "":
		return errors.New("with --build, name the program that is built and not the folder")
	case p.has("package.json"):
		return p.node()
	case p.has("plugin.py") && p.has("build"):
		p.Program = filepath.Join(o.Out, filepath.Base(p.Dir)+exe())
		p.build = []string{filepath.Join(p.Dir, "build"), p.Program}
		return nil
	case p.has("*.go"):
		p.Program = filepath.Join(o.Out, filepath.Base(p.Dir)+exe())
		p.build = []string{"go", "build", "-o", p.Program, "."}
		return nil
	}
	return errors.New("there is no Go, no package.json and no plugin.py with a script build in this folder: name " +
		"the program, and say with --build how it is made")
}

// node takes the program from package.json: its only bin.
func (p *Project) node() error {
	raw, err := os.ReadFile(filepath.Join(p.Dir, "package.json"))
	if err != nil {
		return err
	}
	var pack struct {
		Bin     json.RawMessage   `json:"bin"`
		Scripts map[string]string `json:"scripts"`
	}
	if err := json.Unmarshal(raw, &pack); err != nil {
		return fmt.Errorf("package.json: %w", err)
	}
	var one string
	var many map[string]string
	if json.Unmarshal(pack.Bin, &one) != nil && json.Unmarshal(pack.Bin, &many) == nil && len(many) == 1 {
		for _, path := range many {
			one = path
		}
	}
	if one == "" {
		return errors.New(`package.json: it names no program, or several: write "bin": "bin/my-plugin"`)
	}
	p.Program = filepath.Join(p.Dir, filepath.FromSlash(one))
	if pack.Scripts["build"] != "" {
		p.build = []string{"npm", "run", "--silent", "build"}
	}
	return nil
}

func exe() string {
	if runtime.GOOS == "windows" {
		return ".exe"
	}
	return ""
}

func shell(command string) []string {
	if runtime.GOOS == "windows" {
		return []string{"cmd", "/c", command}
	}
	return []string{"sh", "-c", command}
}

func (p *Project) has(pattern string) bool {
	found, err := filepath.Glob(filepath.Join(p.Dir, pattern))
	return err == nil && len(found) > 0
}

// example finds the pipeline file that uses the plugin: the given one, example.hcl, or the only
// one. For a program, it may be in the parent folder.
func (p *Project) example(given string) (string, error) {
	if given != "" {
		_, err := os.Stat(given)
		return given, err
	}
	dirs := []string{p.Dir}
	if !p.isDir {
		dirs = append(dirs, filepath.Dir(p.Program), filepath.Dir(filepath.Dir(p.Program)))
	}
	for _, dir := range dirs {
		found, err := filepath.Glob(filepath.Join(dir, "*.hcl"))
		if err != nil {
			return "", err
		}
		if file := filepath.Join(dir, "example.hcl"); slices.Contains(found, file) {
			return short(file), nil
		}
		if len(found) == 1 {
			return short(found[0]), nil
		}
	}
	return "", nil
}

// short returns a path relative to the working folder, if that is shorter.
func short(path string) string {
	wd, err := os.Getwd()
	if err != nil {
		return path
	}
	if rel, err := filepath.Rel(wd, path); err == nil && !strings.HasPrefix(rel, "..") {
		return rel
	}
	return path
}

// Build builds the program, if needed. Output of the tools goes to out.
func (p *Project) Build(ctx context.Context, out io.Writer) error {
	if p.build == nil {
		return nil
	}
	cmd := exec.CommandContext(ctx, p.build[0], p.build[1:]...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = p.Dir, out, out
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s: %w", strings.Join(p.build, " "), err)
	}
	if info, err := os.Stat(p.Program); err != nil || !info.Mode().IsRegular() {
		return fmt.Errorf("%s: it made no program %s", strings.Join(p.build, " "), p.Program)
	}
	return nil
}

// Builds reports whether Build does anything.
func (p *Project) Builds() bool { return p.build != nil }

// Stands returns the program for a path in a pipeline file, if that path is in the plugin's folder
// or has its name.
func (p *Project) Stands(path string) string {
	rel, err := filepath.Rel(p.Dir, path)
	inside := p.isDir && err == nil && filepath.IsLocal(rel)
	if inside || strings.TrimSuffix(filepath.Base(path), ".exe") == strings.TrimSuffix(filepath.Base(p.Program),
		".exe") {
		return p.Program
	}
	return path
}
