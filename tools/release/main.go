// Command release makes a release of scrapekit in a folder: an archive for each platform, with
// completions, man pages and the licences of what is linked; a bill of materials; the changelog's
// section; a container recipe; and signed checksums. The same commit gives the same bytes.
//
//	go run ./tools/release -version 0.1.0 -key ~/scrapekit.key
//	go run ./tools/release -version 0.1.0 -compare dist     # makes it again, and compares
//
// The key is one of minisign, or of `scrapekit plugins keygen`. SCRAPEKIT_KEY_PASSWORD has its
// password.
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// platforms are those that a release is for.
const platforms = "linux/amd64,linux/arm64,darwin/amd64,darwin/arm64,windows/amd64,windows/arm64"

// release says what is made.
type release struct {
	version   string // without a v
	commit    string
	date      time.Time // of the commit: the time of every file
	platforms []string
	root      string // the repository
	dir       string // where the release goes
	key       string // a file; "": it is not signed
	work      string // a folder for what is not kept
	built     map[string]program
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:])
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "release:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) (err error) {
	r := release{built: map[string]program{}}
	f := flag.NewFlagSet("release", flag.ContinueOnError)
	f.StringVar(&r.version, "version", "", "the `version`, such as 0.1.0; the changelog has a section of it")
	f.StringVar(&r.root, "root", ".", "the repository")
	f.StringVar(&r.dir, "dir", "dist", "the `folder` that the release goes to; it must not be there")
	f.StringVar(&r.key, "key", "", "the `file` of the private key that signs the checksums")
	compare := f.String("compare", "", "a `folder` with the same release: it is made again elsewhere, and compared "+
		"with it")
	names := f.String("platforms", platforms, "what to build for")
	if err := f.Parse(args); err != nil {
		return err
	}
	r.version, r.platforms = strings.TrimPrefix(r.version, "v"), strings.Split(*names, ",")
	if r.version == "" {
		return errors.New("name the version: -version 0.1.0")
	}
	if r.work, err = os.MkdirTemp("", "scrapekit-release-"); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(r.work)) }()
	if *compare != "" {
		r.dir = filepath.Join(r.work, "again")
	}
	if err := r.make(ctx); err != nil {
		return err
	}
	if *compare != "" {
		return same(filepath.Join(*compare, sumsFile), filepath.Join(r.dir, sumsFile))
	}
	fmt.Println("made", r.dir)
	return nil
}

// make makes the release, part by part.
func (r *release) make(ctx context.Context) error {
	if err := r.readCommit(ctx); err != nil {
		return err
	}
	changes, err := r.changes()
	if err != nil {
		return err
	}
	if err := os.Mkdir(r.dir, 0o755); err != nil {
		return err
	}
	texts, err := r.texts(ctx)
	if err != nil {
		return err
	}
	var programs []program
	for _, platform := range r.platforms {
		p, err := r.build(ctx, platform)
		if err != nil {
			return err
		}
		programs = append(programs, p)
		if err := r.archive(p, texts); err != nil {
			return fmt.Errorf("%s: %w", platform, err)
		}
	}
	for name, content := range map[string]func() ([]byte, error){
		"CHANGES.md":            func() ([]byte, error) { return changes, nil },
		"Containerfile":         r.containerfile,
		r.name() + "_sbom.json": func() ([]byte, error) { return r.sbom(programs) },
	} {
		raw, err := content()
		if err == nil {
			err = os.WriteFile(filepath.Join(r.dir, name), raw, 0o644)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return r.sums()
}

func (r *release) name() string { return "scrapekit_" + r.version }

// readCommit asks git what is released.
func (r *release) readCommit(ctx context.Context) error {
	out, err := r.output(ctx, nil, "git", "log", "-1", "--format=%H %ct")
	if err != nil {
		return err
	}
	var seconds int64
	if _, err := fmt.Sscan(string(out), &r.commit, &seconds); err != nil {
		return fmt.Errorf("git log says %q: %w", out, err)
	}
	r.date = time.Unix(seconds, 0).UTC()
	changed, err := r.output(ctx, nil, "git", "status", "--porcelain")
	if err == nil && len(changed) > 0 {
		fmt.Fprintln(os.Stderr, "release: there are changes that are not committed; only what is committed can be "+
			"made again")
	}
	return err
}

// changes is the section of the changelog.
func (r *release) changes() ([]byte, error) {
	raw, err := os.ReadFile(filepath.Join(r.root, "CHANGELOG.md"))
	if err != nil {
		return nil, err
	}
	_, rest, found := bytes.Cut(raw, []byte("\n## "+r.version+"\n"))
	if !found {
		return nil, fmt.Errorf("CHANGELOG.md has no section %q", "## "+r.version)
	}
	section, _, _ := bytes.Cut(rest, []byte("\n## "))
	return append(bytes.TrimSpace(section), '\n'), nil
}

// output runs a command in the repository.
func (r *release) output(ctx context.Context, env []string, name string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir, cmd.Env = r.root, append(os.Environ(), env...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("%s %s: %w\n%s", name, strings.Join(args, " "), err, errs.Bytes())
	}
	return out.Bytes(), nil
}

const thisPlatform = runtime.GOOS + "/" + runtime.GOARCH
