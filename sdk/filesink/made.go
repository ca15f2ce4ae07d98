// Made files: those that are written whole, of what was appended for them.

package filesink

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/scrapekit/scrapekit/sdk/durable"
)

// Maker makes files of a format to which nothing can be appended, such as Parquet. What the sink
// appends then goes to a file in its private folder, and the file at the path is made of that when
// it is complete, on disk as on an object store. Several files may be made at the same time.
type Maker interface {
	// Make writes the file that what was appended stands for. It keeps owner in it.
	Make(out io.Writer, in io.Reader, owner string) error
	// Owner returns what Make kept in a file. It is "" for a file of anybody else.
	Owner(path string) (string, error)
}

// made is the path of a file that was made and is not yet at its place.
func (r *remote) made(path string) string {
	return filepath.Join(r.dir, "made", safe(r.state.Run), id([]byte(path)))
}

// source is the file whose bytes go to the path of f, with its size. It is made if it is not there.
func (r *remote) source(f file) (*os.File, int64, error) {
	grown := filepath.Join(r.folder(r.state.Run), filepath.FromSlash(f.path()))
	if r.maker == nil {
		in, err := os.Open(grown)
		return in, f.Size, err
	}
	in, err := os.Open(r.made(f.path()))
	if errors.Is(err, fs.ErrNotExist) {
		if err = r.make(f, grown); err == nil {
			in, err = os.Open(r.made(f.path()))
		}
	}
	if err != nil {
		return nil, 0, err
	}
	info, err := in.Stat()
	if err != nil {
		return nil, 0, errors.Join(err, in.Close())
	}
	return in, info.Size(), nil
}

// make makes the file of the bytes that a token names, durably: it is there when its first part is
// sent.
func (r *remote) make(f file, grown string) (err error) {
	raw, err := os.Open(grown)
	if err != nil {
		return err
	}
	if info, err := raw.Stat(); err != nil || info.Size() < f.Size {
		return errors.Join(err, fmt.Errorf("%s is shorter than at the last commit: start over with a full run", grown),
			raw.Close())
	}
	in, err := r.format.decoder(struct {
		io.Reader
		io.Closer
	}{io.LimitReader(raw, f.Size), raw})
	if err != nil {
		return errors.Join(err, raw.Close())
	}
	defer func() { err = errors.Join(err, in.Close()) }()
	name := r.made(f.path())
	if err := durable.MakeDir(filepath.Dir(name), 0o700); err != nil {
		return err
	}
	out, err := os.Create(name + ".new")
	if err != nil {
		return err
	}
	err = r.maker.Make(out, in, r.owner)
	if err = errors.Join(err, out.Sync(), out.Close()); err != nil {
		return err
	}
	if err := os.Rename(name+".new", name); err != nil {
		return err
	}
	return durable.SyncDir(filepath.Dir(name))
}
