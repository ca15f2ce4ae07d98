// Disk: whole files in a folder, as a store of objects.

package filesink

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/scrapekit/scrapekit/sdk/durable"
	"github.com/scrapekit/scrapekit/sdk/filesink/objects"
)

// disk implements [objects.Uploads]. A file grows under a hidden name in its folder.
type disk struct {
	root  string
	maker Maker
}

// onDisk reports whether objects are files of a folder.
func (r *remote) onDisk() bool {
	_, is := r.store.(disk)
	return is
}

func (d disk) abs(key string) string { return filepath.Join(d.root, filepath.FromSlash(key)) }

func (d disk) hidden(o objects.Object) string {
	path := d.abs(o.Key)
	return filepath.Join(filepath.Dir(path), ".scrapekit-new-"+id([]byte(o.Owner+"/"+o.Key)))
}

func (d disk) Put(ctx context.Context, o objects.Object, body []byte) error {
	u, err := d.Begin(ctx, o)
	if err != nil {
		return err
	}
	return d.Complete(ctx, o, &u, body)
}

func (d disk) Begin(_ context.Context, o objects.Object) (objects.Upload, error) {
	name := d.hidden(o)
	if err := durable.MakeDir(filepath.Dir(name), 0o755); err != nil {
		return objects.Upload{}, err
	}
	// Not truncated: after a kill it may be another name of the file itself.
	if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return objects.Upload{}, err
	}
	out, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if err != nil {
		return objects.Upload{}, err
	}
	return objects.Upload{ID: filepath.Base(name)}, errors.Join(out.Close(), durable.SyncDir(filepath.Dir(name)))
}

func (d disk) Part(_ context.Context, o objects.Object, u *objects.Upload, body []byte) error {
	if err := d.write(o, *u, body); err != nil {
		return err
	}
	u.Size += int64(len(body))
	u.Parts = append(u.Parts, "")
	return nil
}

func (d disk) Complete(_ context.Context, o objects.Object, u *objects.Upload, tail []byte) error {
	name, path := d.hidden(o), d.abs(o.Key)
	if !same(name, path) {
		if err := d.write(o, *u, tail); err != nil {
			return err
		}
		if err := reveal(name, path, o.Fresh); err != nil {
			return err
		}
	}
	if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return durable.SyncDir(filepath.Dir(path))
}

// write makes body the end of a hidden file, durably.
func (d disk) write(o objects.Object, u objects.Upload, body []byte) error {
	out, err := os.OpenFile(d.hidden(o), os.O_WRONLY, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return objects.ErrLost
	}
	if err != nil {
		return err
	}
	_, err = out.WriteAt(body, u.Size)
	return errors.Join(err, out.Truncate(u.Size+int64(len(body))), out.Sync(), out.Close())
}

// reveal gives a hidden file its name. Where the disk has no links, another program that makes a
// file of that name in the same moment loses it.
func reveal(name, path string, fresh bool) error {
	if !fresh {
		return os.Rename(name, path)
	}
	err := os.Link(name, path)
	if err == nil {
		return nil
	}
	if _, there := os.Lstat(path); there == nil {
		return errors.Join(objects.ErrExists, os.Remove(name))
	}
	return os.Rename(name, path)
}

func same(a, b string) bool {
	x, errX := os.Stat(a)
	y, errY := os.Stat(b)
	return errX == nil && errY == nil && os.SameFile(x, y)
}

func (d disk) Head(_ context.Context, key string) (objects.Info, error) {
	info, err := os.Stat(d.abs(key))
	if errors.Is(err, fs.ErrNotExist) {
		return objects.Info{}, objects.ErrNotExist
	}
	if err != nil {
		return objects.Info{}, err
	}
	owner, err := d.maker.Owner(d.abs(key))
	return objects.Info{Size: info.Size(), Owner: owner}, err
}

// List finds only the files in the folder of the prefix.
func (d disk) List(_ context.Context, prefix string, f func(key string)) error {
	folder := prefix[:strings.LastIndex(prefix, "/")+1]
	all, err := os.ReadDir(d.abs(folder))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for _, entry := range all {
		if key := folder + entry.Name(); strings.HasPrefix(key, prefix) {
			f(key)
		}
	}
	return err
}

func (d disk) Remove(_ context.Context, key string) error {
	err := os.Remove(d.abs(key))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return errors.Join(err, durable.SyncDir(filepath.Dir(d.abs(key))))
}
