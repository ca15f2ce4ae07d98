// Both stores against the suite.

package checkpoint_test

import (
	"path/filepath"
	"runtime"
	"sync"
	"testing"

	"github.com/scrapekit/scrapekit/core/internal/checkpoint"
	"github.com/scrapekit/scrapekit/core/internal/checkpoint/checkpointtest"
)

func TestMemory(t *testing.T) {
	t.Parallel()
	var stores sync.Map // by folder: memory outlives Close
	checkpointtest.Run(t, func(_ *testing.T, dir string) checkpoint.Store {
		s, _ := stores.LoadOrStore(dir, checkpoint.NewMemory())
		return s.(*checkpoint.Memory)
	})
}

func TestSQLite(t *testing.T) {
	t.Parallel()
	checkpointtest.Run(t, func(t *testing.T, dir string) checkpoint.Store {
		name := "state ?%20#.db"
		if runtime.GOOS == "windows" {
			name = "state %20#.db" // no file has a question mark there
		}
		return openSQLite(t, filepath.Join(dir, name))
	})
}

func openSQLite(t testing.TB, path string) *checkpoint.SQLite {
	t.Helper()
	s, err := checkpoint.OpenSQLite(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	return s
}
