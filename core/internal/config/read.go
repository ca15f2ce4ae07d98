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

// maxFile is the largest file that is read, in bytes.
const maxFile = 256 << 10

// readTimeout bounds reading a file that may block.
const readTimeout = 2 * time.Second

var errNoFile = errors.New("no such file")

// read reads a whole regular file. Its errors do not name the file, whose name may be sensitive.
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
	// Some special files never end or block. They support deadlines; regular files do not, and need
	// none.
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

// reason removes the path from an error of the file system.
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

// suggestFile suggests a pipeline file instead of a missing one.
func suggestFile(file string) string {
	if strings.HasPrefix(filepath.Base(file), "-") {
		return ""
	}
	found, err := filepath.Glob(filepath.Join(filepath.Dir(file), "*.hcl"))
	if err != nil {
		return "" // the folder's name is an invalid pattern: no hint
	}
	var names []string
	for _, f := range found {
		name := filepath.Base(f)
		if name == filepath.Base(file)+".hcl" {
			return fmt.Sprintf("did you mean %s?", name)
		}
		if !strings.HasSuffix(name, ".lock.hcl") { // lock files are no pipeline files
			names = append(names, name)
		}
	}
	return didYouMean(filepath.Base(file), names)
}
