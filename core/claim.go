// Whose state a state folder is.

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

// claim notes that the state folder is that of a pipeline file, and refuses another file that still
// exists beside it: two pipelines of one name would each take the other's work for done.
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
	// A folder that was moved with its files is known by the file's name.
	owner := strings.TrimSpace(string(raw))
	if base := filepath.Base(abs); owner == base {
		return nil
	}
	if owner != "" {
		if _, err := os.Stat(filepath.Join(filepath.Dir(abs), owner)); err == nil {
			return fmt.Errorf("the state of pipeline %s belongs to %s, and %s has the same name: give one of them another name in its pipeline block", name, owner, filepath.Base(abs))
		}
	}
	if err := disk.Replace(kept, []byte(filepath.Base(abs)+"\n"), false); err != nil {
		return fmt.Errorf("state folder: %w", err)
	}
	return nil
}
