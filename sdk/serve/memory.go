// Memory: how often the garbage collector runs.

package serve

import (
	"os"
	"runtime/debug"
)

const (
	// gcPercent lets the heap grow to several times what lives in it. A process that moves batches has a small live heap
	// and makes garbage fast: at the usual 100 it collects hundreds of times a second for nothing.
	gcPercent = 200
	// memoryLimit is where the collector becomes as thrifty as usual again, in bytes.
	memoryLimit = 192 << 20
)

// TuneMemory sets the garbage collector for a process through which batches pass. [Main] does it; so does the
// host. The environment variables GOGC and GOMEMLIMIT, where they are set, have the last word.
func TuneMemory() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(memoryLimit)
	}
}
