// Unpacking of archives.

package artifact

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/opencontainers/go-digest"
)

// Unpack writes the files of an archive into an empty folder: the program as p.Program(), readable
// and executable by all and writable by nobody, and its texts. It returns an error unless the
// program has the digest of the target; the caller then discards the folder. Files are synced, but
// not the folder. r must verify the archive itself; see [Exactly].
func Unpack(r io.Reader, p Platform, t Target, dir string) error {
	var binary digest.Digest
	err := ReadArchive(r, func(f File, program bool) error {
		name, mode := f.Name, os.FileMode(0o444)
		if program {
			name, mode = p.Program(), 0o555
		}
		sum, err := unpackFile(f, filepath.Join(dir, name), mode)
		if program {
			binary = sum
		}
		return err
	})
	if err != nil {
		return err
	}
	if binary != t.Binary {
		return fmt.Errorf("the archive holds another program than the statement says: its digest is %s, not %s", binary,
			t.Binary)
	}
	program, err := os.Open(filepath.Join(dir, p.Program()))
	if err != nil {
		return err
	}
	return errors.Join(CheckBuilt(program, p), program.Close())
}

func unpackFile(f File, path string, mode os.FileMode) (digest.Digest, error) {
	out, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return "", err
	}
	sum := digest.SHA256.Digester()
	_, err = io.Copy(io.MultiWriter(out, sum.Hash()), f.Content)
	if err != nil {
		err = fmt.Errorf("the archive: %s: %w", f.Name, err)
	}
	return sum.Digest(), errors.Join(err, out.Chmod(mode), out.Sync(), out.Close())
}
