// Releases: what publishers signed, kept so that it can be verified again without a network.

package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/scrapekit/scrapekit/core/internal/disk"
)

const (
	statementFile = "statement.json"
	signatureFile = "statement.json.minisig"
)

// PutRelease keeps the statement of a release and the signature under it; there is none if
// signature is nil.
func (s *Store) PutRelease(index string, statement, signature []byte) error {
	dir, err := s.folder("releases", index)
	if err == nil {
		err = s.makeDir(dir)
	}
	// The signature first: a statement that is there has all that belongs to it.
	if err == nil && signature != nil {
		err = disk.Replace(filepath.Join(dir, signatureFile), signature, true)
	}
	if err == nil {
		err = disk.Replace(filepath.Join(dir, statementFile), statement, true)
	}
	if err != nil {
		return fmt.Errorf("store of plugins: %w", err)
	}
	return nil
}

// Release returns what PutRelease kept. The error is ErrNotThere if that is nothing.
func (s *Store) Release(index string) (statement, signature []byte, err error) {
	dir, err := s.folder("releases", index)
	if err != nil {
		return nil, nil, err
	}
	statement, err = os.ReadFile(filepath.Join(dir, statementFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, fmt.Errorf("the statement of %s: %w at %s", index, ErrNotThere, s.dir)
	}
	if err != nil {
		return nil, nil, err
	}
	signature, err = os.ReadFile(filepath.Join(dir, signatureFile))
	if errors.Is(err, fs.ErrNotExist) {
		return statement, nil, nil
	}
	return statement, signature, err
}
