// The level of the sandbox: from the caller, the file or the user's environment.

package sandbox

import (
	"cmp"
	"fmt"
	"os"
	"runtime"
)

// Var is the environment variable with the user's own level.
const Var = "SCRAPEKIT_SANDBOX"

// presetLevel is "strong" on every system that may support it. If the kernel does not, plugins do
// not run.
func presetLevel() Level {
	if runtime.GOOS == "linux" {
		return Strong
	}
	return Env
}

// LevelOf chooses between the levels of the caller, the file and the user's environment.
func LevelOf(caller, file string) (Level, error) {
	l, err := ParseLevel(cmp.Or(caller, file, os.Getenv(Var), string(presetLevel())))
	if err != nil && caller == "" && file == "" {
		err = fmt.Errorf("%s: %w", Var, err)
	}
	return l, err
}
