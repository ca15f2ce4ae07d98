// What was looked at is what runs.

package pluginhost

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/scrapekit/scrapekit/core/internal/sandbox"
)

// TestProgramExchangedAfterTheCheck: the file that was hashed is executed, whatever has come to its
// name since.
func TestProgramExchangedAfterTheCheck(t *testing.T) {
	t.Parallel()
	for _, level := range []sandbox.Level{sandbox.Full, sandbox.Strong, sandbox.Env, sandbox.None} {
		t.Run(string(level), func(t *testing.T) {
			t.Parallel()
			if err := sandbox.System().Check(level); err != nil {
				t.Skip(err)
			}
			h := newHost(t, level)
			good := must(os.ReadFile("/proc/self/exe"))
			path := filepath.Join(shortDir(t), "plugin")
			must(0, os.WriteFile(path, good, 0o755))
			exchanged := false
			h.opened = func() {
				must(0, os.WriteFile(path+".evil", []byte("#!/bin/sh\necho evil\n"), 0o755))
				must(0, os.Rename(path+".evil", path))
				exchanged = true
			}
			s := spec(`{}`, "source")
			s.Path, s.Digest = path, fmt.Sprintf("sha256:%x", sha256.Sum256(good))
			p := start(t, h, s)
			if !exchanged || bytes.Equal(must(os.ReadFile(path)), good) {
				t.Fatal("it was not exchanged")
			}
			if err := read(t, p, &collected{}); err != nil {
				t.Error(err)
			}
			// The next one sees what is there now.
			h.opened = nil
			if _, err := h.Start(t.Context(), s); err == nil {
				t.Error("the exchanged program was started")
			}
		})
	}
}
