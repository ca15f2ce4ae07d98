// Sandbox: the confinement of a pipeline's plugins.

package core

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"github.com/scrapekit/scrapekit/core/internal/config"
	"github.com/scrapekit/scrapekit/core/internal/disk"
	"github.com/scrapekit/scrapekit/core/internal/sandbox"
)

// SandboxVar is the environment variable with the user's own level of the sandbox.
const SandboxVar = sandbox.Var

// SandboxLevels are the levels of the sandbox, strictest first.
func SandboxLevels() []string {
	var out []string
	for _, l := range sandbox.Levels() {
		out = append(out, string(l))
	}
	return out
}

// looseLevels returns the levels without confinement by the kernel. It returns none if the caller,
// not the file, decides the level.
func looseLevels(caller string) []string {
	var out []string
	for _, l := range sandbox.Levels() {
		if caller == "" && !l.Confines() {
			out = append(out, string(l))
		}
	}
	return out
}

// SandboxByFile reports whether the file sets the level of the sandbox.
func (p *Pipeline) SandboxByFile() bool { return p.opts.Sandbox == "" && p.config.Sandbox != "" }

// BestSandbox returns the default level: "strong", or the next lower one where the system does not
// support it, with the reason.
func BestSandbox() (level string, reason error) {
	s := sandbox.System()
	return string(s.Best()), s.Check(sandbox.Strong)
}

// Sandbox returns the level at which the pipeline's plugins run, and whether the kernel enforces
// it.
func (p *Pipeline) Sandbox() (level string, confined bool) {
	return string(p.level), p.level.Confines()
}

// madeFolders are the folders that the host made for plugins.
type madeFolders struct {
	mu   sync.Mutex
	dirs []string // parents before children
}

// make makes the folders in which a plugin may write. A confined plugin cannot make them itself,
// nor sync their parents so that the names survive a power cut.
func (m *madeFolders) make(b config.Block) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, dir := range b.Write {
		var missing []string
		for d := dir; ; d = filepath.Dir(d) {
			if _, err := os.Stat(d); !errors.Is(err, fs.ErrNotExist) {
				break
			}
			missing = append(missing, d)
		}
		slices.Reverse(missing)
		if err := disk.MakeDir(dir, 0o755); err != nil {
			return fmt.Errorf("%s: output folder: %w", stageName(b), err)
		}
		m.dirs = append(m.dirs, missing...)
	}
	return nil
}

// removeEmpty removes the folders that are still empty.
func (m *madeFolders) removeEmpty() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, dir := range slices.Backward(m.dirs) {
		_ = os.Remove(dir) // it is not empty, or is gone
	}
	return nil
}

// stageName names a block in messages and reports: "transform llm".
func stageName(b config.Block) string { return string(b.Kind) + " " + b.Name }
