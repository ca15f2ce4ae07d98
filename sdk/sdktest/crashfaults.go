// What befalls a plugin under crash test: power cuts, failures of its disk, kills.

package sdktest

import (
	"fmt"
	"iter"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"

	"github.com/scrapekit/scrapekit/sdk/sdktest/crashtest"
)

// powerCuts: each disk that a power cut may leave. That all is kept is what a kill leaves.
func (x *crash) powerCuts(whole *crashtest.Outcome) {
	x.Helper()
	n := 0
	for c := range whole.PowerCuts(1) {
		n += x.goOnFrom(cutAt(whole, c), c, whole.Said(c.After))
	}
	x.Logf("%d power cuts and kills over %d operations", n, whole.Count())
}

func cutAt(o *crashtest.Outcome, c crashtest.Cut) string {
	when := "the start"
	if c.After > 0 {
		when = fmt.Sprintf("operation %d (%s)", c.After, o.Ops[c.After-1])
	}
	return fmt.Sprintf("power cut after %s, %s of what was not synced is kept", when, c.How)
}

// twice: a second power cut, while the sink comes back from a first. Samples of both, seeded.
func (x *crash) twice(whole *crashtest.Outcome) {
	x.Helper()
	random := rand.New(rand.NewPCG(uint64(x.number(crashSeed, 1)), 3))
	firsts := sample(random, whole.PowerCuts(2), x.number(crashTwice, 6))
	n := 0
	for _, first := range firsts {
		lines := whole.Said(first.After)
		x.clear()
		if err := first.Restore(x.dir); err != nil {
			x.Fatal(err)
		}
		again := x.child(crashtest.Fault{}, true, crashHeard+"="+strings.Join(lines, "\n"))
		if again.Code != 0 {
			x.Fatalf("%s: gone on in a process, which ended with %d:\n%s", cutAt(whole, first), again.Code, again.Output)
		}
		for _, second := range sample(random, again.PowerCuts(3), 25) {
			when := cutAt(whole, first) + "; then " + cutAt(again, second)
			n += x.goOnFrom(when, second, slices.Concat(lines, again.Said(second.After)))
		}
	}
	x.Logf("%d second power cuts after %d first ones", n, len(firsts))
}

func sample(r *rand.Rand, from iter.Seq[crashtest.Cut], n int) []crashtest.Cut {
	all := slices.Collect(from)
	r.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return all[:min(n, len(all))]
}

func (x *crash) number(name string, otherwise int) int {
	x.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		x.Fatalf("%s=%q is no number from 1 on", name, text)
	}
	return n
}

// faults: a process for each operation and failure. Kills are a few alone: powerCuts has them all.
func (x *crash) faults(count int) {
	x.Helper()
	share := x.number(crashShare, 1)
	landed := map[crashtest.Failure]int{}
	for at := 1; at <= count; at += share {
		for _, do := range []crashtest.Failure{crashtest.BrokenDisk, crashtest.FullDisk, crashtest.Kill} {
			if do == crashtest.Kill && at%8 != 1 {
				continue
			}
			x.clear()
			out := x.child(crashtest.Fault{At: at, Do: do}, false)
			if out.Hit == nil {
				continue
			}
			landed[do]++
			when := fmt.Sprintf("%s at operation %d (%s)", do, at, out.Hit)
			x.told(when, do, out)
			x.goOnHere(when, out.Said(len(out.Ops)))
		}
	}
	x.Logf("failures that landed: %v", landed)
	if got := landed[crashtest.BrokenDisk]; got < count/share*9/10 {
		x.Errorf("only %d of %d failures landed: the test proves less than it says", got, count/share)
	}
}

// told: an error that was met is said, and a sync that failed is one.
func (x *crash) told(when string, do crashtest.Failure, out *crashtest.Outcome) {
	x.Helper()
	says := map[crashtest.Failure]string{crashtest.BrokenDisk: "input/output error", crashtest.FullDisk: "no space left on device"}[do]
	switch {
	case do == crashtest.Kill:
	case out.Code == 0 && do == crashtest.BrokenDisk && out.Hit.Kind == crashtest.Sync:
		x.Errorf("%s: the sink takes what was not synced for durable", when)
	case out.Code != 0 && !strings.Contains(string(out.Output), says):
		x.Errorf("%s: the error does not say %q:\n%s", when, says, out.Output)
	}
}

// killedBetweenCalls is what can be done without ptrace: the process kills itself before each of its calls.
func (x *crash) killedBetweenCalls() {
	x.Helper()
	for i := range x.acts {
		x.clear()
		cmd := exec.CommandContext(x.Context(), os.Args[0], x.only()...)
		cmd.Env = append(x.env(), crashKill+"="+strconv.Itoa(i))
		out, err := cmd.Output()
		if err == nil {
			x.Fatalf("the process ended before it was killed at act %d:\n%s", i, out)
		}
		x.goOnHere(fmt.Sprintf("killed before act %d", i), strings.Split(strings.TrimSpace(string(out)), "\n"))
	}
}
