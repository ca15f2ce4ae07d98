// The first promise against everything that can fail: the binary that ships runs a small pipeline,
// and is killed, failed and cut off at each thing that any of its processes does to a file.

//go:build linux

package e2e

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/scrapekit/scrapekit/sdk/sdktest/crashtest"
)

// settled are the settings of a pipeline that is soon done.
const settled = "  records = 24\n  every = 8"

// TestEverythingFails is all of that on one pipeline.
//
//ci:plain
func TestEverythingFails(t *testing.T) {
	crashtest.Plain(t)
	t.Parallel()
	b := needTools(t)
	whole, want := b.calm(t, settled)
	t.Run("plugins killed", func(t *testing.T) { b.atEach(t, crashtest.Kill, points{1, 1}, whole, want) })
	// The host is killed at the odd operations; the even ones fail, with one of the two errors in
	// turn. A share of 1 is all three at each.
	t.Run("host killed", func(t *testing.T) { b.atEach(t, crashtest.KillFirst, points{1, 2}, whole, want) })
	for first, do := range []crashtest.Failure{crashtest.BrokenDisk, crashtest.FullDisk} {
		t.Run(do.String(), func(t *testing.T) { b.atEach(t, do, points{2 + 2*first, 4}, whole, want) })
	}
	t.Run("two kills in a row", func(t *testing.T) { b.killedTwice(t, whole.Count(), want) })
	t.Run("power cut", func(t *testing.T) { b.powerCuts(t, want) })
}

// points says at which operations something fails: at the first of them, and then at one in so
// many.
type points struct{ first, every int }

// atEach has the pipeline fail at each of its operations, or at one in so many:
// SCRAPEKIT_CRASH_SHARE says in how many.
func (b tools) atEach(t *testing.T, do crashtest.Failure, at points, whole *crashtest.Outcome, want string) {
	t.Parallel()
	share := number(t, "SCRAPEKIT_CRASH_SHARE", at.every)
	if share < at.every {
		at.first = 1
	}
	var mu sync.Mutex
	fell := kills{harmful: 10}
	if share > 2 {
		fell.harmful = 0 // too few to tell
	}
	kinds := map[crashtest.Kind]int{}
	t.Run("operation", func(t *testing.T) {
		for n := at.first; n <= whole.Count(); n += share {
			if do == crashtest.Kill && whole.Op(n).First {
				continue // that is a kill of the first process
			}
			fell.planned++
			t.Run(fmt.Sprint(n), func(t *testing.T) {
				t.Parallel()
				x := b.newTrial(t, settled)
				out := x.run(t, crashtest.Fault{At: n, Do: do}, false)
				when := fmt.Sprintf("%s at operation %d (%v)", do, n, out.Hit)
				b.judge(t, when, do, out)
				x.endsSame(t, when, want)
				if out.Hit == nil {
					return
				}
				mu.Lock()
				defer mu.Unlock()
				kinds[out.Hit.Kind]++
				fell.hit(uncommitted(out.Ops[:out.Before]))
			})
		}
	})
	t.Logf("%s: %s, %v", do, fell, kinds)
	if err := fell.enough(); err != nil {
		t.Error(err)
	}
}

// judge looks at how a run ended that met a failure.
func (b tools) judge(t *testing.T, when string, do crashtest.Failure, out *crashtest.Outcome) {
	t.Helper()
	says := map[crashtest.Failure]string{crashtest.BrokenDisk: "input/output error|disk I/O " +
		"error|unable to open database file", crashtest.FullDisk: "no space left"}[do]
	if says != "" && out.Code != 0 && !regexp.MustCompile(says).Match(out.Output) {
		t.Errorf("%s: code %d, and it does not say %q:\n%s", when, out.Code, says, out.Output)
	}
	if strings.Contains(string(out.Output), "panic") {
		t.Errorf("%s: %s", when, out.Output)
	}
}

// killedTwice kills the host at one operation and the next host at another: a seeded sample of all
// pairs.
func (b tools) killedTwice(t *testing.T, count int, want string) {
	t.Parallel()
	pairs := number(t, "SCRAPEKIT_CRASH_PAIRS", 20)
	random := rand.New(rand.NewPCG(uint64(number(t, "SCRAPEKIT_SEED", 1)), 2))
	var mu sync.Mutex
	fell := kills{planned: pairs}
	t.Run("pair", func(t *testing.T) {
		for range pairs {
			first, second := 1+random.IntN(count), 1+random.IntN(count/2) // the second run has less to do
			t.Run(fmt.Sprint(first, " ", second), func(t *testing.T) {
				t.Parallel()
				x := b.newTrial(t, settled)
				x.run(t, crashtest.Fault{At: first, Do: crashtest.KillFirst}, false)
				again := x.run(t, crashtest.Fault{At: second, Do: crashtest.KillFirst}, false)
				x.endsSame(t, fmt.Sprintf("killed at operation %d, then at %d (%v)", first, second, again.Hit), want)
				if again.Hit != nil {
					mu.Lock()
					defer mu.Unlock()
					fell.hit(uncommitted(again.Ops[:again.Before]))
				}
			})
		}
	})
	t.Logf("second kills: %s", fell)
	if fell.landed < pairs/2 { // the first run may have been about to end
		t.Errorf("only %d of %d second kills landed: the test proves less than it says", fell.landed, pairs)
	}
}

// powerCuts has the power fail after operations of the whole pipeline: a sample, seeded. Each
// worker has a place of its own: where the outputs are is a part of the settings that a run goes on
// with.
func (b tools) powerCuts(t *testing.T, want string) {
	t.Parallel()
	const workers = 3
	share := max(1, number(t, "SCRAPEKIT_CUTS", 45)/workers)
	for w := range uint64(workers) {
		t.Run(fmt.Sprint("worker ", w), func(t *testing.T) {
			t.Parallel()
			x := b.newTrial(t, settled)
			whole := x.run(t, crashtest.Fault{}, true)
			all := slices.Collect(whole.PowerCuts(w))
			random := rand.New(rand.NewPCG(uint64(number(t, "SCRAPEKIT_SEED", 1)), w))
			random.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
			cuts := all[:min(len(all), share)]
			for _, c := range cuts {
				x.powerCut(t, whole, c, want)
			}
			t.Logf("%d of %d power cuts over %d operations", len(cuts), len(all), whole.Count())
		})
	}
}

func (x trial) powerCut(t *testing.T, whole *crashtest.Outcome, c crashtest.Cut, want string) {
	t.Helper()
	pipeline, err := os.ReadFile(x.file())
	if err = errors.Join(err, os.RemoveAll(x.dir), os.Mkdir(x.dir, 0o755)); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(c.Restore(x.dir), os.WriteFile(x.file(), pipeline, 0o644)); err != nil {
		t.Fatal(err)
	}
	when := "power cut"
	if c.After > 0 {
		when = fmt.Sprintf("power cut after operation %d (%s), %s of what was not synced is kept", c.After,
			whole.Ops[c.After-1], c.How)
	}
	x.endsSame(t, when, want)
}
