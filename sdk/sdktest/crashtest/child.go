// A test binary that starts itself again: the tested code runs in the second process, under faults.

package crashtest

import (
	"fmt"
	"os"
	"testing"
)

// Main is the TestMain of a package whose tests call [Child] with the same env. In the second
// process, where this environment variable names a folder, it calls do with the folder and exits;
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

// Child runs the test binary again in a new folder, with a fault, and returns the folder and the
// outcome. It skips the test where faults are not supported.
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
