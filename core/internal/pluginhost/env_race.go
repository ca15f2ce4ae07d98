// The environment of plugins under the race detector.

//go:build race

package pluginhost

import "os"

// ownEnv passes the race detector's settings on to plugins, without the second that the detector
// waits at the end of every process.
func ownEnv() []string {
	return []string{"GORACE=" + os.Getenv("GORACE") + " atexit_sleep_ms=0"}
}
