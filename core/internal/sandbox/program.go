// Program: what an executable file needs to start.

package sandbox

import (
	"bytes"
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
)

// ErrScript is the error of a program that needs an interpreter.
var ErrScript = errors.New("it is a script, and the sandbox starts no interpreter: make it a single executable, " +
	"as Node.js, Deno, Bun and PyInstaller can, or run it with --sandbox=env if you trust it")

// program is what the loader of an executable reads.
type program struct {
	loader    string   // "": statically linked
	libraries []string // folders and files that the loader reads
}

// inspect returns how a program is started. For other files, it leaves the error to the system.
func inspect(r io.ReaderAt) (program, error) {
	var head [4]byte
	if _, err := r.ReadAt(head[:], 0); err != nil && !errors.Is(err, io.EOF) {
		return program{}, err
	}
	switch {
	case bytes.HasPrefix(head[:], []byte("#!")):
		return program{}, ErrScript
	case string(head[:]) != elf.ELFMAG:
		return program{}, nil
	}
	f, err := elf.NewFile(r)
	if err != nil {
		return program{}, fmt.Errorf("a broken program: %w", err)
	}
	for _, p := range f.Progs {
		if p.Type != elf.PT_INTERP {
			continue
		}
		if p.Filesz > 4096 {
			return program{}, errors.New("a broken program: the name of its loader is too long")
		}
		name, err := io.ReadAll(p.Open())
		if err != nil {
			return program{}, fmt.Errorf("a broken program: %w", err)
		}
		return dynamic(strings.TrimRight(string(name), "\x00")), nil
	}
	return program{}, nil
}

// systemLibraries are the folders of the system's shared libraries and the loader's configuration.
var systemLibraries = []string{
	"/lib", "/lib32", "/lib64", "/usr/lib", "/usr/lib32", "/usr/lib64", "/usr/local/lib",
	"/etc/ld.so.cache", "/etc/ld.so.preload", "/etc/ld-musl-x86_64.path", "/etc/ld-musl-aarch64.path",
}

// stores are folders in which some systems install everything, including libraries, each package in
// its own folder.
var stores = []string{"/nix/store", "/gnu/store"}

func dynamic(loader string) program {
	p := program{loader: loader, libraries: systemLibraries}
	for _, store := range stores {
		if strings.HasPrefix(filepath.Clean(loader), store+"/") {
			p.libraries = append(p.libraries[:len(p.libraries):len(p.libraries)], store)
		}
	}
	return p
}
