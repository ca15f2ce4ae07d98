// The environment of plugins under the race detector.

//go:build race

package pluginhost

import "os"

// ownEnv carries the host's settings of the race detector over to its plugins, and spares them the
// second that the detector waits at the end of every process.
func ownEnv() []string {
	return []string{"GORACE=" + os.Getenv("GORACE") + " atexit_sleep_ms=0"}
}
