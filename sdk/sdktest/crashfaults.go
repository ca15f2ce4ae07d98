// Faults of a crash test: power cuts, disk errors, kills.

package sdktest

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"

	"github.com/scrapekit/scrapekit/sdk/sdktest/crashtest"
)

// powerCuts tests each disk that a power cut may leave. A disk that keeps everything is the result
// of a kill.
func (x *crash) powerCuts(whole *crashtest.Outcome) {
	x.Helper()
	n, share, i := 0, x.number(crashShare, 1), 0
	for c := range whole.PowerCuts(1) {
		if i++; i%share != 0 {
			continue
		}
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

// twice tests a power cut while the sink recovers from an earlier fault: a power cut, a power cut
// by which the host also lost a token, or a kill just before a sync. It takes seeded samples of all
// combinations.
func (x *crash) twice(whole *crashtest.Outcome) {
	x.Helper()
	random := rand.New(rand.NewPCG(uint64(x.number(crashSeed, 1)), 3))
	each := x.number(crashTwice, 4)
	var cuts, lost, kills []crashtest.Cut
	for c := range whole.PowerCuts(2) {
		cuts = append(cuts, c)
		if x.heard(whole.Said(c.After)).lostOne {
			lost = append(lost, c)
		}
	}
	for _, n := range whole.BeforeSyncs() {
		kills = append(kills, whole.Killed(n))
	}
	n := 0
	for _, first := range sample(random, cuts, each) {
		n += x.again(random, whole, first, whole.Said(first.After), false)
	}
	for _, first := range sample(random, lost, each) {
		said := whole.Said(first.After)
		n += x.again(random, whole, first, said[:len(said)-1], false)
	}
	for _, first := range sample(random, kills, each) {
		n += x.again(random, whole, first, whole.Said(first.After), true)
	}
	x.Logf("%d power cuts while it came back: from %d of %d, with a lost token from %d of %d, from %d of %d kills",
		n, min(each, len(cuts)), len(cuts), min(each, len(lost)), len(lost), min(each, len(kills)), len(kills))
	if n == 0 || len(kills) > 0 && len(lost) == 0 {
		x.Error("nothing happened while the sink came back: the test proves less than it says")
	}
}

// again starts a process on a disk and cuts the power meanwhile. It returns how many cases it
// tested.
func (x *crash) again(random *rand.Rand, whole *crashtest.Outcome, first crashtest.Cut, lines []string,
	killed bool) int {
	x.Helper()
	x.clear()
	if err := first.Restore(x.dir); err != nil {
		x.Fatal(err)
	}
	when := cutAt(whole, first)
	if killed {
		when = fmt.Sprintf("killed before operation %d (%s)", first.After+1, whole.Ops[first.After])
	}
	again := x.child(crashtest.Fault{}, true, crashHeard+"="+strings.Join(lines, "\n"))
	if again.Code != 0 {
		x.Fatalf("%s: gone on in a process, which ended with %d:\n%s", when, again.Code, again.Output)
	}
	before := 0
	if killed {
		before = first.After
		again = whole.Followed(before, again)
	}
	var cuts []crashtest.Cut
	for c := range again.PowerCuts(3) {
		if c.After > before {
			cuts = append(cuts, c)
		}
	}
	n := 0
	for _, second := range sample(random, cuts, 13) {
		said := slices.Concat(lines, again.Said(second.After))
		if killed {
			said = again.Said(second.After)
		}
		n += x.goOnFrom(when+"; then "+cutAt(again, second), second, said)
	}
	return n
}

func sample(r *rand.Rand, from []crashtest.Cut, n int) []crashtest.Cut {
	all := slices.Clone(from)
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

// faults runs a process for each operation and failure. A local sink is killed at every eighth
// operation only, because powerCuts covers them all.
func (x *crash) faults(count int) {
	x.Helper()
	share := x.number(crashShare, 1)
	landed := map[crashtest.Failure]int{}
	for at := 1; at <= count; at += share {
		for _, do := range []crashtest.Failure{crashtest.BrokenDisk, crashtest.FullDisk, crashtest.Kill} {
			if do == crashtest.Kill && at%8 != 1 && !x.target.Remote {
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

// told checks that an error which occurred is reported, a failed sync included.
func (x *crash) told(when string, do crashtest.Failure, out *crashtest.Outcome) {
	x.Helper()
	says := map[crashtest.Failure]string{crashtest.BrokenDisk: "input/output error",
		crashtest.FullDisk: "no space left on device"}[do]
	switch {
	case do == crashtest.Kill:
	case out.Code == 0 && do == crashtest.BrokenDisk && out.Hit.Kind == crashtest.Sync:
		x.Errorf("%s: the sink takes what was not synced for durable", when)
	case out.Code != 0 && !strings.Contains(string(out.Output), says):
		x.Errorf("%s: the error does not say %q:\n%s", when, says, out.Output)
	}
}

// killedBetweenCalls is the test without ptrace: the process kills itself before each of its calls.
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
