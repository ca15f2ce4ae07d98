// The program of a plugin: a file that can be run and is the one that was installed.

package pluginhost

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
)

// digestPrefix begins every digest.
const digestPrefix = "sha256:"

// checkProgram refuses early, and in words, what the system would not run, and what is not the program that is meant.
func checkProgram(path, digest string) error {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return errors.New("no such file; check the path of the plugin")
	case err != nil:
		return errors.Unwrap(err) // the path is in front already
	case info.IsDir():
		return errors.New("a folder, not a program")
	case runtime.GOOS != "windows" && info.Mode().Perm()&0o111 == 0:
		return errors.New("not executable; run chmod +x on it")
	case digest == "":
		return nil
	}
	f, err := os.Open(path)
	if err != nil {
		return errors.Unwrap(err)
	}
	defer f.Close() // only read from
	return checkDigest(f, digest)
}

// checkDigest reads r whole.
func checkDigest(r io.Reader, want string) error {
	if !strings.HasPrefix(want, digestPrefix) || len(want) != len(digestPrefix)+2*sha256.Size {
		return fmt.Errorf("the digest that it must have is %q, and a digest is sha256: and 64 hex digits", want)
	}
	h := sha256.New()
	if _, err := io.Copy(h, r); err != nil {
		return fmt.Errorf("read for its digest: %w", err)
	}
	if got := digestPrefix + hex.EncodeToString(h.Sum(nil)); got != strings.ToLower(want) {
		return fmt.Errorf("it is not the program that was installed: its digest is %s, the lock file says %s; install it again with `scrapekit init`, and find out who changed it", got, want)
	}
	return nil
}
