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
	// floorSize is what the collector takes for memory in use and nothing ever touches, in bytes, so that it takes up no memory: while little
	// else lives, the heap grows to about three times that before it is collected. Pages of 10 KB through the host then cost
	// a tenth less CPU.
	floorSize = 12 << 20
	// memoryLimit is where the collector becomes as thrifty as usual again, in bytes.
	memoryLimit = 192<<20 + floorSize
)

var floor []byte

// TuneMemory sets the garbage collector for a process through which batches pass. [Main] does it; so does the
// host. The environment variables GOGC and GOMEMLIMIT, where they are set, have the last word.
func TuneMemory() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
		if floor == nil {
			floor = make([]byte, floorSize)
		}
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(memoryLimit)
	}
}
