// Sandbox: how much the plugins of a pipeline are confined.

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

// SandboxVar is the variable of the environment that names a user's own level of the sandbox.
const SandboxVar = sandbox.Var

// SandboxLevels are the levels of the sandbox, from the most to the least.
func SandboxLevels() []string {
	var out []string
	for _, l := range sandbox.Levels() {
		out = append(out, string(l))
	}
	return out
}

// looseLevels are the levels at which the kernel does not hold plugins; none where the caller's
// word decides, not the file's.
func looseLevels(caller string) []string {
	var out []string
	for _, l := range sandbox.Levels() {
		if caller == "" && !l.Confines() {
			out = append(out, string(l))
		}
	}
	return out
}

// SandboxByFile reports whether it is the file that names the level of the pipeline's plugins.
func (p *Pipeline) SandboxByFile() bool { return p.opts.Sandbox == "" && p.config.Sandbox != "" }

// BestSandbox is the level that needs nobody's word: "strong", or the next below where the system
// has not what that needs, with the reason.
func BestSandbox() (level string, reason error) {
	s := sandbox.System()
	return string(s.Best()), s.Check(sandbox.Strong)
}

// Sandbox returns the level at which the pipeline's plugins run, and whether the kernel holds them
// there.
func (p *Pipeline) Sandbox() (level string, confined bool) {
	return string(p.level), p.level.Confines()
}

// madeFolders are the folders that were made for plugins.
type madeFolders struct {
	mu   sync.Mutex
	dirs []string // each after the one that it is in
}

// make makes the folders in which a plugin may write: it cannot make them itself, nor make their
// names outlast a power cut.
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

// removeEmpty removes those in which nothing was put after all.
func (m *madeFolders) removeEmpty() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, dir := range slices.Backward(m.dirs) {
		_ = os.Remove(dir) // it holds something, or is gone
	}
	return nil
}
