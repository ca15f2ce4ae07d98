// Which pipeline file owns a state folder.

package core

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/scrapekit/scrapekit/core/internal/disk"
	"github.com/scrapekit/scrapekit/core/internal/state"
)

// claim records the pipeline file as the owner of the state folder. It returns an error if the
// owner is another file that still exists beside it: each of two pipelines with one name would skip
// what the other has done.
func claim(home state.Home, name, file string) error {
	abs, err := filepath.Abs(file)
	if err != nil {
		return err
	}
	kept := home.Owner()
	raw, err := os.ReadFile(kept)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("state folder: %w", err)
	}
	// Names are compared without their folder, so that a folder may move together with its files.
	owner := strings.TrimSpace(string(raw))
	if base := filepath.Base(abs); owner == base {
		return nil
	}
	if owner != "" {
		if _, err := os.Stat(filepath.Join(filepath.Dir(abs), owner)); err == nil {
			return fmt.Errorf("the state of pipeline %s belongs to %s, and %s has the same name: give one of them "+
				"another name in its pipeline block", name, owner, filepath.Base(abs))
		}
	}
	if err := disk.Replace(kept, []byte(filepath.Base(abs)+"\n"), false); err != nil {
		return fmt.Errorf("state folder: %w", err)
	}
	return nil
}
