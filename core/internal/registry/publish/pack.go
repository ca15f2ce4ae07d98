// Package publish makes releases: it packs programs into a folder of release files and signs them.
// Package remote publishes the folder.
package publish

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/opencontainers/go-digest"

	"github.com/scrapekit/scrapekit/core/internal/disk"
	"github.com/scrapekit/scrapekit/core/internal/registry/artifact"
)

// Program is an executable with its platform.
type Program struct {
	Platform artifact.Platform
	Path     string
}

// ParseProgram parses PATH or PLATFORM=PATH. Without a platform, the file's header decides.
func ParseProgram(text string) (Program, error) {
	if before, path, ok := strings.Cut(text, "="); ok {
		if platform, err := artifact.ParsePlatform(before); err == nil {
			return Program{platform, path}, checkProgram(path, platform)
		}
	}
	built, err := built(text)
	if err != nil {
		return Program{}, err
	}
	switch {
	case built == nil:
		return Program{}, fmt.Errorf("%s: its header does not tell its platform: say it, as in linux_amd64=%s", text,
			text)
	case slices.ContainsFunc(built, func(p artifact.Platform) bool { return p.OS() == "darwin" && p != built[0] }):
		return Program{}, fmt.Errorf("%s is for several platforms: name it for each, as in %s=%s", text, built[0], text)
	}
	return Program{built[0], text}, nil
}

func built(path string) ([]artifact.Platform, error) {
	f, err := openRegular(path)
	if err != nil {
		return nil, err
	}
	defer f.Close() // opened only for reading
	return artifact.Built(f), nil
}

func checkProgram(path string, p artifact.Platform) error {
	f, err := openRegular(path)
	if err != nil {
		return err
	}
	defer f.Close() // opened only for reading
	if err := artifact.CheckBuilt(f, p); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

func openRegular(path string) (*os.File, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is no file", path)
	}
	return os.Open(path)
}

// Packing says what to pack.
type Packing struct {
	Source   string // source to publish it at, which is the plugin's name
	Manifest artifact.Manifest
	Programs []Program
	Include  []string // accompanying files: LICENSE, NOTICE, README, CHANGELOG
	Dir      string   // folder to make
}

// Pack makes a folder with the files of an unsigned release. The output is deterministic. It
// replaces a folder of an earlier release, and refuses a folder with other files.
func Pack(p Packing) (artifact.Statement, error) {
	s, err := p.statement()
	if err != nil {
		return s, err
	}
	if err := checkReplaceable(p.Dir); err != nil {
		return s, err
	}
	if err := os.MkdirAll(filepath.Dir(p.Dir), 0o755); err != nil {
		return s, err
	}
	fresh, err := disk.TempDirFor(p.Dir)
	if err != nil {
		return s, err
	}
	if err = p.write(fresh, &s); err == nil {
		err = errors.Join(os.Chmod(fresh, 0o755), os.RemoveAll(p.Dir))
	}
	if err == nil {
		err = os.Rename(fresh, p.Dir)
	}
	if err != nil {
		return s, errors.Join(err, os.RemoveAll(fresh))
	}
	return s, disk.SyncDir(filepath.Dir(p.Dir))
}

// statement returns the statement without the archives.
func (p Packing) statement() (artifact.Statement, error) {
	s := artifact.Statement{Source: p.Source, Manifest: p.Manifest, Targets: map[artifact.Platform]artifact.Target{}}
	source, err := artifact.ParseSource(p.Source)
	switch {
	case err != nil:
		return s, err
	case source.Kind == artifact.Layout:
		return s, fmt.Errorf("source %q: a plugin is named by where it is published; a layout is where it can lie",
			p.Source)
	case len(p.Programs) == 0:
		return s, errors.New("no program to pack")
	}
	if err := p.Manifest.Check(); err != nil {
		return s, fmt.Errorf("the description of the plugin: %w", err)
	}
	for _, program := range p.Programs {
		if _, twice := s.Targets[program.Platform]; twice {
			return s, fmt.Errorf("%s: there is a program for %s already", program.Path, program.Platform)
		}
		s.Targets[program.Platform] = artifact.Target{}
	}
	for _, path := range p.Include {
		if !artifact.IsBeside(filepath.Base(path)) {
			return s, fmt.Errorf("%s: only LICENSE, NOTICE, README and CHANGELOG may be included, with .md, .txt or "+
				"no extension", path)
		}
	}
	return s, nil
}

// releaseFile reports whether Pack or Sign makes a file with this name.
func releaseFile(name string) bool {
	texts := []string{artifact.StatementFile, artifact.StatementMinisig, artifact.SumsFile, artifact.SumsMinisig}
	return slices.Contains(texts, name) || strings.HasSuffix(name, ".tar.gz")
}

func checkReplaceable(dir string) error {
	files, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, f := range files {
		if !releaseFile(f.Name()) {
			return fmt.Errorf("%s holds %s, which is not part of a release: name another folder", dir, f.Name())
		}
	}
	return nil
}

// write fills the folder, and the archives of the statement.
func (p Packing) write(dir string, s *artifact.Statement) error {
	for _, program := range p.Programs {
		target, err := p.writeArchive(filepath.Join(dir, p.Manifest.ArchiveName(program.Platform)), program)
		if err != nil {
			return fmt.Errorf("%s: %w", program.Platform, err)
		}
		s.Targets[program.Platform] = target
	}
	form, err := artifact.Build(*s)
	if err != nil {
		return err
	}
	s.Index = form.Index.Descriptor.Digest
	return writeStatement(dir, *s)
}

// writeArchive packs one program.
func (p Packing) writeArchive(path string, program Program) (target artifact.Target, err error) {
	files, closeAll, err := p.open(program)
	if err != nil {
		return target, err
	}
	defer func() { err = errors.Join(err, closeAll()) }()
	out, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if err != nil {
		return target, err
	}
	binary, archive, size := digest.SHA256.Digester(), digest.SHA256.Digester(), counter(0)
	files[0].Content = io.TeeReader(files[0].Content, binary.Hash())
	err = artifact.WriteArchive(io.MultiWriter(out, archive.Hash(), &size), files[0], files[1:])
	if err = errors.Join(err, out.Sync(), out.Close()); err != nil {
		return target, err
	}
	if size > artifact.MaxArchive {
		return target, fmt.Errorf("the archive has %d bytes: at most %d are taken", size, artifact.MaxArchive)
	}
	return artifact.Target{Archive: archive.Digest(), Size: int64(size), Binary: binary.Digest()}, nil
}

type counter int64

func (c *counter) Write(p []byte) (int, error) { *c += counter(len(p)); return len(p), nil }

// open opens the program, under the plugin's name, and the accompanying files.
func (p Packing) open(program Program) ([]artifact.File, func() error, error) {
	name := p.Manifest.Name
	if program.Platform.OS() == "windows" {
		name += ".exe"
	}
	var files []artifact.File
	var open []io.Closer
	closeAll := func() error {
		var errs []error
		for _, c := range open {
			errs = append(errs, c.Close())
		}
		return errors.Join(errs...)
	}
	for i, path := range append([]string{program.Path}, p.Include...) {
		f, err := openRegular(path)
		if err != nil {
			return nil, nil, errors.Join(err, closeAll())
		}
		open = append(open, f)
		info, err := f.Stat()
		if err != nil {
			return nil, nil, errors.Join(err, closeAll())
		}
		if i > 0 {
			name = filepath.Base(path)
		}
		files = append(files, artifact.File{Name: name, Size: info.Size(), Content: f})
	}
	return files, closeAll, nil
}
