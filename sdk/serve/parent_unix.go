//go:build unix

// The parent: a plugin does not outlive its host.

package serve

import (
	"os"
	"time"
)

// dieWithParent ends this process soon after its parent has ended. On Linux the kernel does that
// for plugins that the host started; this is for every other system, and for every other way to
// start one.
func dieWithParent() {
	parent := os.Getppid()
	for range time.Tick(500 * time.Millisecond) {
		if os.Getppid() != parent {
			os.Exit(1)
		}
	}
}
