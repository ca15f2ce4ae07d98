// A test binary that is started once more: what is tested runs in the second process, under the
// faults.

package crashtest

import (
	"fmt"
	"os"
	"testing"
)

// Main is TestMain of a package whose tests call [Child] with the same env. In the second process,
// where this variable of the environment names a folder, it calls do with that folder and ends;
// otherwise it runs the tests.
func Main(m *testing.M, env string, do func(dir string) error) {
	dir := os.Getenv(env)
	if dir == "" {
		os.Exit(m.Run())
	}
	err := Watch()
	if err == nil {
		err = do(dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// Child runs the test binary once more in a new folder, with a fault, and returns the folder and
// what came of it. It skips the test where faults are not to be had.
func Child(t *testing.T, env string, f Fault) (dir string, out *Outcome) {
	t.Helper()
	if err := Supported(); err != nil {
		t.Skip(err)
	}
	dir = t.TempDir()
	out, err := Program{
		Path: os.Args[0], Env: append(os.Environ(), env+"="+dir, "GORACE=atexit_sleep_ms=0"), Root: dir, Fault: f,
		Record: true,
	}.Run(t.Context())
	if err != nil {
		t.Fatalf("%v\n%s", err, out.Output)
	}
	return dir, out
}
