// Releases: signed statements, kept to verify plugins again offline.

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

// PutRelease stores the statement of a release and its signature; nil: unsigned.
func (s *Store) PutRelease(index string, statement, signature []byte) error {
	dir, err := s.folder("releases", index)
	if err == nil {
		err = s.makeDir(dir)
	}
	// The signature first, so that a stored statement is complete.
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

// Release returns what PutRelease has stored, or ErrNotThere.
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
