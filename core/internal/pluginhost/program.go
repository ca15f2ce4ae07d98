// The program of a plugin: checks that it is executable and has the installed digest.

package pluginhost

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"

	"github.com/scrapekit/scrapekit/core/internal/sandbox"
)

// digestPrefix begins every digest.
const digestPrefix = "sha256:"

// openProgram opens the program. It refuses, with a clear error, a file that the system cannot
// execute or that has another digest. Where the system allows it, the open file itself is executed.
func openProgram(path, digest string) (*os.File, error) {
	if err := checkProgram(path); err != nil {
		return nil, err
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, errors.Unwrap(err) // without the path, which the message has
	}
	if digest != "" {
		err = checkDigest(f, digest)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

func checkProgram(path string) error {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return errors.New("no such file; check the path of the plugin")
	case err != nil:
		return errors.Unwrap(err)
	case info.IsDir():
		return errors.New("a folder, not a program")
	case !info.Mode().IsRegular():
		return errors.New("not a regular file")
	case runtime.GOOS != "windows" && info.Mode().Perm()&0o111 == 0:
		return errors.New("not executable; run chmod +x on it")
	}
	return nil
}

// startIn starts the program in the sandbox. It must be called on a locked thread that lives as
// long as the process.
func (h *Host) startIn(cmd *exec.Cmd, program *os.File, sockets string, s Spec) error {
	start := (*exec.Cmd).Start
	if h.level.Confines() {
		policy := sandbox.Policy{Level: h.level, Sockets: sockets, Read: s.Read, Write: s.Write, Limits: limitsOf(s)}
		start = func(cmd *exec.Cmd) error { return sandbox.Start(cmd, program, policy) }
	} else if s.Digest != "" {
		byDescriptor(cmd, program)
	}
	err := start(cmd)
	if err == nil && h.begun != nil {
		h.begun(cmd.Process.Pid)
	}
	return err
}

func limitsOf(s Spec) sandbox.Limits {
	if s.Limits == (sandbox.Limits{}) {
		return sandbox.DefaultLimits()
	}
	return s.Limits
}

// memory returns the memory limit of a process.
func (h *Host) memory(s Spec) uint64 {
	if !h.level.Confines() {
		return 0
	}
	return limitsOf(s).Memory
}

// checkDigest reads r to its end.
func checkDigest(r io.Reader, want string) error {
	if !strings.HasPrefix(want, digestPrefix) || len(want) != len(digestPrefix)+2*sha256.Size {
		return fmt.Errorf("the digest in the lock file is %q; want sha256: and 64 hex digits", want)
	}
	h := sha256.New()
	if _, err := io.Copy(h, r); err != nil {
		return fmt.Errorf("read for its digest: %w", err)
	}
	if got := digestPrefix + hex.EncodeToString(h.Sum(nil)); got != strings.ToLower(want) {
		return fmt.Errorf("it is not the program that was installed: its digest is %s, the lock file says %s; "+
			"install it again with `scrapekit init`, and find out who changed it", got, want)
	}
	return nil
}
