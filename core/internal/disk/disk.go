// Package disk has what the host needs of a file system beyond package durable, which plugins use
// too: disk space, owners, temporary folders.
package disk

import (
	"fmt"
	"os"

	"github.com/scrapekit/scrapekit/sdk/durable"
)

// Re-exported from package durable.
var (
	Replace     = durable.Replace
	ReplaceMode = durable.ReplaceMode
	MakeDir     = durable.MakeDir
	SyncDir     = durable.SyncDir
	TempDirFor  = durable.TempDirFor
)

// TempDir makes a temporary folder that only this user can access.
func TempDir(pattern string) (string, error) {
	dir, err := os.MkdirTemp("", pattern)
	if err != nil {
		return "", fmt.Errorf("temporary folder: %w; set TMPDIR to a folder that is there and that you may write", err)
	}
	return dir, nil
}
