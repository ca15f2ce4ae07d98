// Reading files: the pipeline file and those that file() names.

package config

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// maxFile is the most bytes of a file that is read.
const maxFile = 256 << 10

// readTimeout is how long a file may take that can keep its reader waiting.
const readTimeout = 2 * time.Second

var errNoFile = errors.New("no such file")

// read reads a regular file whole. The errors do not name it: the name may be sensitive.
func read(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, reason(err)
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("not a regular file")
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, reason(err)
	}
	defer f.Close()
	// Some files of the kernel's never end, and wait for more. They have deadlines; those on a disk
	// have none, and need none.
	_ = f.SetReadDeadline(time.Now().Add(readTimeout))
	raw, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return nil, fmt.Errorf("it had no end within %s", readTimeout)
	}
	if err != nil {
		return nil, reason(err)
	}
	if len(raw) > maxFile {
		return nil, fmt.Errorf("longer than %d bytes", maxFile)
	}
	return raw, nil
}

// reason takes the path off an error of the file system.
func reason(err error) error {
	var at *fs.PathError
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return errNoFile
	case errors.Is(err, fs.ErrPermission):
		return errors.New("no permission to read it")
	case errors.As(err, &at):
		return at.Err
	}
	return err
}

// neighbour suggests a pipeline file that was probably meant instead of one that is not there.
func neighbour(file string) string {
	if strings.HasPrefix(filepath.Base(file), "-") {
		return ""
	}
	found, err := filepath.Glob(filepath.Join(filepath.Dir(file), "*.hcl"))
	if err != nil {
		return "" // a folder whose name is a broken pattern; no hint then
	}
	var names []string
	for _, f := range found {
		name := filepath.Base(f)
		if name == filepath.Base(file)+".hcl" {
			return fmt.Sprintf("did you mean %s?", name)
		}
		if !strings.HasSuffix(name, ".lock.hcl") { // it stands beside pipeline files, and is none
			names = append(names, name)
		}
	}
	return didYouMean(filepath.Base(file), names)
}
