// Folder: content by hash, and hashes by key.

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
	"github.com/scrapekit/scrapekit/sdk/reply"
)

// Folder is the folder of kept files. Its methods may be called by several goroutines and processes
// at the same time.
type Folder struct {
	dir     string
	owner   string   // the plugin that the keys belong to
	partial string   // prefix of partial files
	made    sync.Map // names of folders that were made durably
}

// Open prepares the folder, and removes partial files of an earlier process of the same owner. Only
// one process of an owner may have it open; the pipeline's lock ensures that. Owners share content,
// which is named by its hash, but not keys.
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

// Known returns the file that was kept for a key. A file that is missing or has another length does
// not count.
func (f *Folder) Known(key string) (reply.File, bool) {
	var file reply.File
	raw, err := os.ReadFile(f.keyPath(key))
	if err != nil || json.Unmarshal(raw, &file) != nil || file.Path != contentPath(file.SHA256) {
		return reply.File{}, false
	}
	info, err := os.Stat(filepath.Join(f.dir, filepath.FromSlash(file.Path)))
	if err != nil || info.Size() != file.Size {
		return reply.File{}, false
	}
	return file, true
}

// Keep reads content to its end and stores it durably for key.
func (f *Folder) Keep(key string, content io.Reader) (reply.File, error) {
	sum := sha256.New()
	partial, size, err := f.write(io.TeeReader(content, sum), true)
	if err != nil {
		return reply.File{}, err
	}
	hash := hex.EncodeToString(sum.Sum(nil))
	file := reply.File{Path: contentPath(hash), SHA256: hash, Size: size}
	if err := f.place(partial, filepath.FromSlash(file.Path)); err != nil {
		return reply.File{}, err
	}
	return file, f.note(key, file)
}

// write writes content to a partial file, and syncs it if durable is true. It returns the path and
// size.
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

// place renames a partial file durably.
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

// mkdir makes a folder inside this one durably.
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

// note stores the file for a key. It need not survive a power failure, because losing it only
// causes a second request.
func (f *Folder) note(key string, file reply.File) error {
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

// contentPath returns the slash-separated path of content with a hash; "" if it is not a hash.
func contentPath(hash string) string {
	if len(hash) != 2*sha256.Size {
		return ""
	}
	return hash[:2] + "/" + hash
}
