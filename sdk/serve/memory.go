// Memory: how often the garbage collector runs.

package serve

import (
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"sync"
)

const (
	// gcPercent lets the heap grow to several times the live heap. A process that moves batches has
	// a small live heap and makes garbage fast: at the default of 100 it would collect hundreds of
	// times a second.
	gcPercent = 200
	// floorSize is the size in bytes of an allocation that nothing touches, so that it counts as
	// live heap and uses no memory. While the rest of the live heap is small, the heap grows to
	// about three times this size before a collection. Pages of 10 KB through the host then cost a
	// tenth less CPU.
	floorSize = 8 << 20
	// memoryLimit is the heap size in bytes from which the collector runs as often as usual.
	memoryLimit = 192<<20 + floorSize
)

var (
	tuned sync.Once
	floor []byte //nolint:unused // it only counts as live heap
)

// TuneMemory sets the garbage collector for a process that moves batches. [Main] calls it, and so
// does the host. The environment variables GOGC and GOMEMLIMIT take precedence.
func TuneMemory() { tuned.Do(tune) }

func tune() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
		floor = make([]byte, floorSize)
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(memoryLimit)
		watchLive(&limit{is: memoryLimit, set: func(n int64) { debug.SetMemoryLimit(n) }})
	}
}

// limit tracks the live heap. A fixed limit close to it would make the collector run all the time.
type limit struct {
	is  int64
	set func(int64)
}

// follow sets the limit to twice the live heap, but not below memoryLimit. It changes the limit
// only if it is far off, because setting it stops the process for a moment.
func (l *limit) follow(live int64) {
	want := max(memoryLimit, 2*live)
	if want > l.is+l.is/10 || want < l.is-l.is/4 || want == memoryLimit && l.is != memoryLimit {
		l.is = want
		l.set(want)
	}
}

// watchLive calls follow after every collection, from the cleanup of an unreachable object.
func watchLive(l *limit) {
	live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	var again func()
	again = func() {
		sentinel := new([64]byte)
		runtime.AddCleanup(sentinel, func(struct{}) {
			metrics.Read(live)
			l.follow(int64(live[0].Value.Uint64()))
			again()
		}, struct{}{})
	}
	again()
}
