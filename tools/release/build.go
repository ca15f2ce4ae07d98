// Building: the program for a platform, and what is linked into it.

package main

import (
	"context"
	"debug/buildinfo"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"strings"
)

// program is what was built for one platform.
type program struct {
	platform string
	path     string
	linked   []*debug.Module
	licences []file
}

// build compiles the program; nothing of the machine that does it is left in it.
func (r *release) build(ctx context.Context, platform string) (program, error) {
	if p, done := r.built[platform]; done {
		return p, nil
	}
	system, arch, ok := strings.Cut(platform, "/")
	if !ok {
		return program{}, fmt.Errorf("platform %q: want SYSTEM/ARCHITECTURE", platform)
	}
	p := program{platform: platform, path: filepath.Join(r.work, system+"_"+arch, "scrapekit")}
	if system == "windows" {
		p.path += ".exe"
	}
	flags := fmt.Sprintf("-s -w -buildid= -X main.released=%s -X main.commit=%s -X main.date=%s", r.version, r.commit,
		r.date.Format("2006-01-02"))
	env := []string{"CGO_ENABLED=0", "GOOS=" + system, "GOARCH=" + arch, "GOFLAGS=", "GOAMD64=v1", "GOARM64=v8.0"}
	if _, err := r.output(ctx, env, "go", "build", "-trimpath", "-buildvcs=false", "-ldflags", flags, "-o", p.path,
		"./cmd/scrapekit"); err != nil {
		return p, err
	}
	info, err := buildinfo.ReadFile(p.path)
	if err != nil {
		return p, err
	}
	p.linked = info.Deps
	p.licences, err = r.licences(ctx, p.linked)
	r.built[platform] = p
	return p, err
}

var licenceName = regexp.MustCompile(`(?i)^(licen[cs]e|copying|notice|patents)`)

// licences are the files with the terms of Go and of every module that is linked. A module without
// one cannot be released.
func (r *release) licences(ctx context.Context, linked []*debug.Module) ([]file, error) {
	args := []string{"list", "-m", "-json"}
	for _, m := range linked {
		args = append(args, m.Path)
	}
	out, err := r.output(ctx, []string{"GOFLAGS="}, "go", args...)
	if err != nil {
		return nil, err
	}
	root, err := r.output(ctx, nil, "go", "env", "GOROOT")
	if err != nil {
		return nil, err
	}
	dirs := map[string]string{"go": strings.TrimSpace(string(root))}
	for dec := json.NewDecoder(strings.NewReader(string(out))); dec.More(); {
		var m struct{ Path, Dir string }
		if err := dec.Decode(&m); err != nil {
			return nil, err
		}
		dirs[m.Path] = m.Dir
	}
	var all []file
	for module, dir := range dirs {
		entries, err := os.ReadDir(dir)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", module, err)
		}
		before := len(all)
		for _, e := range entries {
			if e.IsDir() || !licenceName.MatchString(e.Name()) {
				continue
			}
			raw, err := os.ReadFile(filepath.Join(dir, e.Name()))
			if err != nil {
				return nil, err
			}
			all = append(all, file{"licences/" + module + "/" + e.Name(), raw, 0o644})
		}
		if len(all) == before {
			return nil, fmt.Errorf("%s is linked and has no file with its licence", module)
		}
	}
	return all, nil
}
