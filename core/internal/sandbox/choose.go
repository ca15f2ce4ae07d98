// The level that holds: what the caller says, the file, or the user's environment.

package sandbox

import (
	"cmp"
	"fmt"
	"os"
	"runtime"
)

// Var is the variable of the environment that names a user's own level.
const Var = "SCRAPEKIT_SANDBOX"

// presetLevel is "strong" wherever there can be such a thing: where a kernel does not have it,
// plugins do not run.
func presetLevel() Level {
	if runtime.GOOS == "linux" {
		return Strong
	}
	return Env
}

// LevelOf decides between what the caller says, the file, and the user's environment.
func LevelOf(caller, file string) (Level, error) {
	l, err := ParseLevel(cmp.Or(caller, file, os.Getenv(Var), string(presetLevel())))
	if err != nil && caller == "" && file == "" {
		err = fmt.Errorf("%s: %w", Var, err)
	}
	return l, err
}
