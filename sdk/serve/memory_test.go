//go:build unix

package serve

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"testing"
)

// TestLimitFollowsWhatLives: it is never near what lives, never below what it is at first, and is
// not set for a little.
func TestLimitFollowsWhatLives(t *testing.T) {
	t.Parallel()
	var set []int64
	l := &limit{is: memoryLimit, set: func(n int64) { set = append(set, n) }}
	const mib = 1 << 20
	for _, live := range []int64{10, 90, 104, 150, 160, 300, 290, 500, 200, 20, 30} {
		l.follow(live * mib)
	}
	want := fmt.Sprint([]int64{300 * mib, 600 * mib, 1000 * mib, 400 * mib, memoryLimit})
	if got := fmt.Sprint(set); got != want {
		t.Errorf("set to %s, want %s", got, want)
	}
}

// asHoarder makes the test binary a process that keeps much alive.
const asHoarder = "SERVE_TEST_AS_HOARDER"

// hoard keeps 300 MiB alive, makes 2 GiB of garbage, and says how often the collector ran for the
// latter.
func hoard() {
	TuneMemory()
	kept := make([][]byte, 300)
	for i := range kept {
		kept[i] = make([]byte, 1<<20)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range 2048 {
		garbage = make([]byte, 1<<20)
	}
	runtime.ReadMemStats(&after)
	runtime.KeepAlive(kept)
	fmt.Println(after.NumGC-before.NumGC, debug.SetMemoryLimit(-1)>>20)
	os.Exit(0)
}

var garbage []byte

// TestMuchThatLives: a process in which more lives than the limit of others is collects no more
// often for that.
func TestMuchThatLives(t *testing.T) {
	t.Parallel()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), asHoarder+"=1", "GOGC=", "GOMEMLIMIT=")
	out, err := cmd.CombinedOutput()
	var collections, limit int
	if _, scanErr := fmt.Sscan(string(out), &collections, &limit); err != nil || scanErr != nil {
		t.Fatalf("%v, %v\n%s", err, scanErr, out)
	}
	// 2 GiB in steps of about 300 MiB are seven; with a limit that binds they are one for each few
	// megabytes.
	if collections > 30 || limit < 450 {
		t.Errorf("%d collections, the limit is %d MiB at the end", collections, limit)
	}
}
