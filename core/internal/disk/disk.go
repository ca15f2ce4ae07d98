// Package disk is what the host must know of a disk beside what package durable has for plugins
// too: room, owners, temporary folders.
package disk

import (
	"fmt"
	"os"

	"github.com/scrapekit/scrapekit/sdk/durable"
)

// These are those of package durable.
var (
	Replace     = durable.Replace
	ReplaceMode = durable.ReplaceMode
	MakeDir     = durable.MakeDir
	SyncDir     = durable.SyncDir
	TempDirFor  = durable.TempDirFor
)

// TempDir makes a folder among the temporary ones, for this user alone.
func TempDir(pattern string) (string, error) {
	dir, err := os.MkdirTemp("", pattern)
	if err != nil {
		return "", fmt.Errorf("temporary folder: %w; set TMPDIR to a folder that is there and that you may write", err)
	}
	return dir, nil
}
