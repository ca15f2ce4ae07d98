// Folder: content by its hash, and what keys stand for.

package files

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"github.com/scrapekit/scrapekit/core/internal/disk"
	"github.com/scrapekit/scrapekit/sdk"
)

// Folder is where files are kept. Its methods may be called by several goroutines and processes at
// once.
type Folder struct {
	dir     string
	owner   string   // whose keys are known
	partial string   // begins the names of partial files
	made    sync.Map // folders within that are made for good, by name
}

// Open makes the folder ready and removes what an earlier process of the same owner left half-way.
// Only one process of an owner may have it open: the pipeline's lock sees to that. Owners share
// content, which goes by its hash, and no keys: what one plugin keeps under a key says nothing to
// another.
func Open(dir, owner string) (*Folder, error) {
	sum := sha256.Sum256([]byte(owner))
	f := &Folder{dir: dir, owner: owner, partial: ".partial-" + hex.EncodeToString(sum[:8]) + "-"}
	if err := f.mkdir("."); err != nil {
		return nil, err
	}
	left, err := filepath.Glob(filepath.Join(dir, f.partial+"*"))
	if err != nil {
		return nil, err
	}
	for _, path := range left {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
	return f, nil
}

// Known returns what was kept under a key. A file that is not there any more, or of another length,
// is not known.
func (f *Folder) Known(key string) (sdk.File, bool) {
	var file sdk.File
	raw, err := os.ReadFile(f.keyPath(key))
	if err != nil || json.Unmarshal(raw, &file) != nil || file.Path != contentPath(file.SHA256) {
		return sdk.File{}, false
	}
	info, err := os.Stat(filepath.Join(f.dir, filepath.FromSlash(file.Path)))
	if err != nil || info.Size() != file.Size {
		return sdk.File{}, false
	}
	return file, true
}

// Keep reads a file to its end and keeps it under key, durably.
func (f *Folder) Keep(key string, content io.Reader) (sdk.File, error) {
	sum := sha256.New()
	partial, size, err := f.write(io.TeeReader(content, sum), true)
	if err != nil {
		return sdk.File{}, err
	}
	hash := hex.EncodeToString(sum.Sum(nil))
	file := sdk.File{Path: contentPath(hash), SHA256: hash, Size: size}
	if err := f.place(partial, filepath.FromSlash(file.Path)); err != nil {
		return sdk.File{}, err
	}
	return file, f.note(key, file)
}

// write puts content into a partial file and returns its path, when it is durable if it is to be.
func (f *Folder) write(content io.Reader, durable bool) (path string, size int64, err error) {
	out, err := os.CreateTemp(f.dir, f.partial+"*")
	if err != nil {
		return "", 0, err
	}
	size, err = io.Copy(out, content)
	if err == nil {
		err = out.Chmod(0o644)
	}
	if err == nil && durable {
		err = out.Sync()
	}
	if err = errors.Join(err, out.Close()); err != nil {
		return "", 0, errors.Join(err, os.Remove(out.Name()))
	}
	return out.Name(), size, nil
}

// place gives a partial file its name, durably.
func (f *Folder) place(partial, name string) error {
	err := f.mkdir(filepath.Dir(name))
	if err == nil {
		err = os.Rename(partial, filepath.Join(f.dir, name))
	}
	if err != nil {
		return errors.Join(err, os.Remove(partial))
	}
	return disk.SyncDir(filepath.Join(f.dir, filepath.Dir(name)))
}

// mkdir makes a folder within ours whose name lasts.
func (f *Folder) mkdir(name string) error {
	if _, made := f.made.Load(name); made {
		return nil
	}
	if err := disk.MakeDir(filepath.Join(f.dir, name), 0o755); err != nil {
		return err
	}
	f.made.Store(name, true)
	return nil
}

// note remembers what a key stands for. Only a second request hangs on it, so it need not outlast a
// power cut.
func (f *Folder) note(key string, file sdk.File) error {
	raw, err := json.Marshal(file)
	if err != nil {
		return err
	}
	path := f.keyPath(key)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	partial, _, err := f.write(bytes.NewReader(raw), false)
	if err != nil {
		return err
	}
	if err := os.Rename(partial, path); err != nil {
		return errors.Join(fmt.Errorf("the note of what is kept: %w", err), os.Remove(partial))
	}
	return nil
}

func (f *Folder) keyPath(key string) string {
	sum := sha256.Sum256([]byte(f.owner + "\x00" + key))
	name := hex.EncodeToString(sum[:])
	return filepath.Join(f.dir, "keys", name[:2], name)
}

// contentPath is where content of a hash lies, with slashes; "" for what is no hash.
func contentPath(hash string) string {
	if len(hash) != 2*sha256.Size {
		return ""
	}
	return hash[:2] + "/" + hash
}
