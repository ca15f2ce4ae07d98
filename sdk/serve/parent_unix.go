//go:build unix

// The parent: a plugin ends when its host ends.

package serve

import (
	"os"
	"time"
)

// dieWithParent ends this process soon after its parent has ended. On Linux the kernel does that
// for plugins that the host started. This is for other systems and for plugins started in another
// way.
func dieWithParent() {
	parent := os.Getppid()
	for range time.Tick(500 * time.Millisecond) {
		if os.Getppid() != parent {
			os.Exit(1)
		}
	}
}
