// The store of installed programs.

package plugins

import (
	"context"
	"errors"

	"github.com/scrapekit/scrapekit/core/internal/registry/artifact"
	"github.com/scrapekit/scrapekit/core/internal/registry/install"
	"github.com/scrapekit/scrapekit/core/internal/registry/store"
)

// Stored is a program that was removed from the store.
type Stored = store.Item

// Prune removes the programs that no lock file names from the store. With dry, it only lists them.
func Prune(ctx context.Context, dry bool) ([]Stored, error) {
	at, err := store.DefaultDir()
	if err != nil {
		return nil, err
	}
	return store.At(at).Prune(ctx, dry, install.InUse)
}

// AllStored verifies every program in the store and returns their problems.
func AllStored() (items []Stored, problems map[string]error, err error) {
	at, err := store.DefaultDir()
	if err != nil {
		return nil, nil, err
	}
	items, err = store.At(at).Items()
	problems = map[string]error{}
	for _, i := range items {
		if err := i.Check(); err != nil {
			problems[i.Digest] = err
		}
	}
	return items, problems, err
}

// IsInstalled reports whether the program of a plugin is on this machine.
func IsInstalled(p Locked) (bool, error) {
	at, err := store.DefaultDir()
	if err != nil {
		return false, err
	}
	t, ok := p.Targets[artifact.Here()]
	if !ok {
		return false, nil
	}
	_, err = store.At(at).Program(t.Binary.String(), artifact.Here().Program())
	if errors.Is(err, store.ErrNotThere) {
		return false, nil
	}
	return err == nil, err
}
