// A publisher's keys and signatures.

package publish

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/scrapekit/scrapekit/core/internal/disk"
	"github.com/scrapekit/scrapekit/core/internal/registry/artifact"
)

// publicFile returns the path of a private key's public key: release.pub for release.key.
func publicFile(path string) string {
	return strings.TrimSuffix(path, filepath.Ext(path)) + ".pub"
}

// Keygen makes a key pair: the private key in a file with mode 0600, encrypted unless the password
// is empty, and the public key beside it as .pub. It overwrites no file: without the old key, a
// name can no longer be published.
func Keygen(path, password string) (key artifact.Key, public string, err error) {
	public = publicFile(path)
	for _, file := range []string{path, public} {
		if _, err := os.Lstat(file); !errors.Is(err, fs.ErrNotExist) {
			return "", "", fmt.Errorf("%s is there already: a key is not overwritten; name another file", file)
		}
	}
	key, private, err := artifact.GenerateKey(password)
	if err != nil {
		return "", "", err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return "", "", err
	}
	if err := disk.Replace(path, private, true); err != nil {
		return "", "", err
	}
	text := fmt.Sprintf("untrusted comment: minisign public key %s\n%s\n", key.ID(), key)
	if err := disk.Replace(public, []byte(text), true); err != nil {
		return "", "", err
	}
	return key, public, errors.Join(os.Chmod(public, 0o644), disk.SyncDir(filepath.Dir(path)))
}

// OpenSigner reads a private key. It calls password only if the key is encrypted.
func OpenSigner(path string, password func() (string, error)) (*artifact.Signer, error) {
	raw, err := read(filepath.Dir(path), filepath.Base(path))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("there is no key %s: make one with `scrapekit plugins keygen`, or name yours with --key",
			path)
	}
	if err != nil {
		return nil, err
	}
	word := ""
	if artifact.IsEncrypted(raw) {
		if word, err = password(); err != nil {
			return nil, err
		}
	}
	signer, err := artifact.OpenSigner(raw, word)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return signer, nil
}

// Sign signs the release in a folder and replaces earlier signatures. The statement then names the
// key.
func Sign(f *Folder, by *artifact.Signer) error {
	s := f.Statement
	s.Key = by.Public
	if err := writeStatement(f.dir, s); err != nil {
		return err
	}
	comment := fmt.Sprintf("scrapekit plugin %s %s", s.Source, s.Manifest.Version)
	for name, signature := range map[string]string{artifact.StatementFile: artifact.StatementMinisig,
		artifact.SumsFile: artifact.SumsMinisig} {
		raw, err := read(f.dir, name)
		if err != nil {
			return err
		}
		if err := write(f.dir, signature, by.Sign(raw, comment)); err != nil {
			return err
		}
	}
	f.Statement = s
	return disk.SyncDir(f.dir)
}
