// Trust: the keys of publishers that this user trusts.

package plugins

import (
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/scrapekit/scrapekit/core/internal/registry/artifact"
	"github.com/scrapekit/scrapekit/core/internal/registry/install"
	"github.com/scrapekit/scrapekit/core/internal/registry/keys"
	"github.com/scrapekit/scrapekit/core/internal/registry/lock"
)

// TrustEntry is the key of a publisher and the sources that it may sign.
type TrustEntry = keys.Entry

// TrustedKeys returns the publishers' keys that the user trusts, and the path of their file.
func TrustedKeys() ([]TrustEntry, string, error) {
	dir, err := install.ConfigDir()
	if err != nil {
		return nil, "", err
	}
	path := filepath.Join(dir, keys.FileName)
	k, err := keys.Read(path)
	if err != nil {
		return nil, path, err
	}
	return k.Entries, path, nil
}

// ParseTrust checks a pattern and a key. The key may be the path of a file with it.
func ParseTrust(pattern, key string) (TrustEntry, error) {
	if err := artifact.CheckPattern(pattern); err != nil {
		return TrustEntry{}, err
	}
	k, err := artifact.ParseKey(key)
	if err != nil {
		raw, readErr := os.ReadFile(key)
		if readErr != nil {
			return TrustEntry{}, fmt.Errorf("%w, or a file with it", err)
		}
		if k, err = artifact.ParseKey(string(raw)); err != nil {
			return TrustEntry{}, fmt.Errorf("%s: %w", key, err)
		}
	}
	return TrustEntry{Pattern: pattern, Key: k, Since: lock.Day(time.Now())}, nil
}

// AddTrust adds a trusted key.
func AddTrust(e TrustEntry) error {
	return changeTrust(func(k *keys.Keys) { k.Add(e) })
}

// RemoveTrust removes the keys of a pattern, or only the given key if it is not "". It returns the
// removed ones.
func RemoveTrust(pattern, key string) (gone []TrustEntry, err error) {
	err = changeTrust(func(k *keys.Keys) { gone = k.Remove(pattern, artifact.Key(key)) })
	return gone, err
}

func changeTrust(change func(*keys.Keys)) error {
	dir, err := install.ConfigDir()
	if err != nil {
		return err
	}
	return keys.Update(filepath.Join(dir, keys.FileName), change)
}
