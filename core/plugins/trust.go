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

// TrustEntry is the key of a publisher, and what it may sign.
type TrustEntry = keys.Entry

// TrustedKeys are the keys of publishers that the user trusts, and the file that they are in.
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

// ParseTrust checks a pattern and a key; the key may be the path of a file that holds it.
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

// AddTrust gives the user a key.
func AddTrust(e TrustEntry) error {
	return changeTrust(func(k *keys.Keys) { k.Add(e) })
}

// RemoveTrust takes the keys of a pattern away, or one of them if key is not "". It returns them.
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
