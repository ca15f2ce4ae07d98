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
	// gcPercent lets the heap grow to several times what lives in it. A process that moves batches
	// has a small live heap and makes garbage fast: at the usual 100 it collects hundreds of times
	// a second for nothing.
	gcPercent = 200
	// floorSize is what the collector takes for memory in use and nothing ever touches, in bytes,
	// so that it takes up no memory: while little else lives, the heap grows to about three times
	// that before it is collected. Pages of 10 KB through the host then cost a tenth less CPU.
	floorSize = 8 << 20
	// memoryLimit is where the collector becomes as thrifty as usual again, in bytes.
	memoryLimit = 192<<20 + floorSize
)

var (
	tuned sync.Once
	floor []byte //nolint:unused // it only takes up room
)

// TuneMemory sets the garbage collector for a process through which batches pass. [Main] does it;
// so does the host. The environment variables GOGC and GOMEMLIMIT, where they are set, have the
// last word.
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

// limit follows what lives. A limit near that would have the collector run all the time, for
// nothing.
type limit struct {
	is  int64
	set func(int64)
}

// follow sets the limit to twice what lives, but not below memoryLimit, and only if it is off by a
// good deal: setting it stops the process for a moment.
func (l *limit) follow(live int64) {
	want := max(memoryLimit, 2*live)
	if want > l.is+l.is/10 || want < l.is-l.is/4 || want == memoryLimit && l.is != memoryLimit {
		l.is = want
		l.set(want)
	}
}

// watchLive has the limit follow after every collection: what nobody refers to is cleaned up then.
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
