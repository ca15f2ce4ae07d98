// Crash tests: a sink or stateful transform in a process of its own, which is killed, has its disk fail and its power cut at
// every single thing that it does to its files. CrashSink and CrashTransform are how a plugin joins.

package sdktest

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"iter"
	"math/rand/v2"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/scrapekit/scrapekit/sdk"
	"github.com/scrapekit/scrapekit/sdk/sdktest/crashtest"
)

// crashEnv is set for the process that lives through the life: the test that it belongs to and its place.
const crashEnv = "SDKTEST_CRASH"

// crashTwice is how many power cuts are followed by a second one, and crashSeed which.
const (
	crashTwice = "SDKTEST_CRASH_TWICE"
	crashSeed  = "SDKTEST_CRASH_SEED"
)

// crashShare has one in so many operations fail, evenly spread: for slow machines.
const crashShare = "SDKTEST_CRASH_SHARE"

// act is one call of a host.
type act struct {
	what  string // "open", "write", "commit" or "stop"
	run   int    // from 1
	batch sdk.Batch
}

// life is what a host does with a sink, in three runs: one, the next, and a full one. Batches come again and again.
func life(batches []sdk.Batch) []act {
	var out []act
	n := 0
	do := func(run int, what string) {
		a := act{what: what, run: run}
		if what == "write" {
			a.batch = batches[n%len(batches)]
			n++
		}
		out = append(out, a)
	}
	for run, calls := range []string{"open write commit write write commit write commit stop", "open write write commit write commit stop", "open write commit write commit stop"} {
		for call := range strings.FieldsSeq(calls) {
			do(run+1, call)
		}
	}
	return out
}

// startOf is what a run is opened with.
func startOf(run int, token sdk.Token, resume bool, streams []sdk.Stream) sdk.Start {
	return sdk.Start{
		Run: "r" + strconv.Itoa(run), Started: time.Date(2026, 3, 1, 23, 59, 0, 0, time.UTC).Add(time.Duration(run) * time.Second), Token: slices.Clone(token),
		Resume: resume, Full: run == 3 && !resume, Streams: streams,
	}
}

// batchOf makes a batch of lines.
func batchOf(stream string, lines ...string) sdk.Batch {
	return sdk.Batch{Stream: stream, Count: len(lines), Payload: []byte(strings.Join(lines, "\n") + "\n")}
}

// crash is one plugin under test and its place.
type crash struct {
	*testing.T
	plugin  sdk.Plugin
	target  SinkCase
	streams []sdk.Stream // that it is opened with
	seen    []sdk.Stream // that Read is asked for
	acts    []act
	name    string // of the test that the child comes to
	dir     string
	after   map[int]map[string][]string // what an undisturbed life holds after act i, by stream
}

// CrashSink proves that a sink of files loses nothing and writes nothing twice, whatever happens to its process, its disk
// and its power. A child process lives through three runs. It is then killed before every change that it makes to a file, and
// every change fails (EIO, and a disk that is full from there on), and the power fails after every change, where what was not synced is lost in
// several ways. Each time the sink is opened with the last token that the host can have kept; it must hold what that token
// stands for, and hold at the end what an undisturbed life holds.
//
// What the host does not know from its sinks is not tested by it: see [TestSink] for that. The child is this test binary,
// started once more with this very test: what stands before CrashSink in the test is run there too. It must write below
// the folder of the case. Without ptrace (see [crashtest.Supported]) the process is killed between its calls alone.
func CrashSink(t *testing.T, p sdk.Plugin, c SinkCase) {
	var batches []sdk.Batch
	for n := range 9 {
		stream := []string{"one", "one", "two"}[n%3]
		batches = append(batches, batchOf(stream, fmt.Sprintf(`{"id":%d,"pad":"%s"}`, 2*n, strings.Repeat("x", 40*n)), fmt.Sprintf(`{"id":%d}`, 2*n+1)))
	}
	streams := []sdk.Stream{{Name: "one", PrimaryKey: []string{"id"}}, {Name: "two", PrimaryKey: []string{"id"}}}
	x := &crash{T: t, plugin: p, target: c, acts: life(batches), streams: streams, seen: streams}
	x.test()
}

func (x *crash) test() {
	x.Helper()
	if place, ok := os.LookupEnv(crashEnv); ok {
		x.dir = place
		os.Exit(x.live())
	}
	x.name, x.dir = x.Name(), x.TempDir()
	x.undisturbed()
	var whole *crashtest.Outcome
	if crashtest.Supported() == nil {
		whole = x.child(crashtest.Fault{}, true)
		if whole.Code != 0 {
			x.Fatalf("the undisturbed process ended with %d:\n%s", whole.Code, whole.Output)
		}
	}
	if whole == nil || whole.Count() == 0 { // it cannot be watched, or keeps no files
		x.part("killed between calls", (*crash).killedBetweenCalls)
		return
	}
	x.part("power cut", func(x *crash) { x.powerCuts(whole) })
	x.part("two power cuts", func(x *crash) { x.twice(whole) })
	x.part("failures", func(x *crash) { x.faults(whole.Count()) })
}

// part is a subtest, one after another: there is one place.
func (x *crash) part(name string, f func(*crash)) {
	x.Run(name, func(t *testing.T) {
		sub := *x
		sub.T = t
		f(&sub)
	})
}

// undisturbed notes what the place holds after each act.
func (x *crash) undisturbed() {
	x.Helper()
	x.after = map[int]map[string][]string{}
	h := &crashHost{x: x}
	for i := range x.acts {
		if err := h.do(i); err != nil {
			x.Fatalf("undisturbed, %s in run %d: %v", x.acts[i].what, x.acts[i].run, err)
		}
		x.after[i] = x.holds()
	}
	h.end()
	if last := x.after[len(x.acts)-1]; len(last) == 0 {
		x.Fatal("an undisturbed life leaves nothing behind: is Read right?")
	}
	x.clear()
}

func (x *crash) holds() map[string][]string {
	x.Helper()
	out := map[string][]string{}
	for _, s := range x.seen {
		if records := x.target.Read(x.T, x.dir, s.Name); len(records) > 0 {
			out[s.Name] = slices.Sorted(slices.Values(records))
		}
	}
	return out
}

// clear empties the place.
func (x *crash) clear() {
	x.Helper()
	entries, err := os.ReadDir(x.dir)
	for _, e := range entries {
		if err == nil {
			err = os.RemoveAll(x.dir + string(os.PathSeparator) + e.Name())
		}
	}
	if err != nil {
		x.Fatal(err)
	}
}

// child runs the life in a process of its own.
func (x *crash) child(f crashtest.Fault, record bool, env ...string) *crashtest.Outcome {
	x.Helper()
	out, err := crashtest.Program{Path: os.Args[0], Args: x.only(), Env: append(x.env(), env...), Root: x.dir, Fault: f, Record: record}.Run(x.Context())
	if err != nil {
		x.Fatalf("%v\n%s", err, out.Output)
	}
	return out
}

// only are the arguments by which the child comes to this very test.
func (x *crash) only() []string {
	var path []string
	for part := range strings.SplitSeq(x.name, "/") {
		path = append(path, "^"+regexp.QuoteMeta(part)+"$")
	}
	return []string{"-test.run", strings.Join(path, "/"), "-test.parallel", "1"}
}

func (x *crash) env() []string {
	return append(os.Environ(), crashEnv+"="+x.dir, "GORACE=atexit_sleep_ms=0") // or it waits a second at its end
}

// live is the child: it says which act comes and which is done. Token and error go with it.
func (x *crash) live() int {
	if err := crashtest.Watch(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 2
	}
	killAt := os.Getenv(crashKill)
	h := &crashHost{x: x}
	next := 0
	if heard := os.Getenv(crashHeard); heard != "" {
		r, _ := x.resumption(strings.Split(heard, "\n"), false)
		fmt.Println("again")
		h.token, next = r.token, r.next
		if err := h.open(sdk.WithHost(x.Context(), x.target.Host), r.run, r.resume); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
	}
	for i := next; i < len(x.acts); i++ {
		fmt.Println("do", i)
		if killAt == strconv.Itoa(i) {
			killSelf()
		}
		if err := h.do(i); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		fmt.Println("done", i, "token="+base64.StdEncoding.EncodeToString(h.token))
	}
	return 0
}

// crashHeard is what an earlier process said, which the child goes on after.
const crashHeard = "SDKTEST_CRASH_HEARD"

// crashKill is the act at which the child kills itself, where nobody else can.
const crashKill = "SDKTEST_CRASH_KILL"

func killSelf() {
	self, err := os.FindProcess(os.Getpid())
	if err == nil {
		err = self.Kill()
	}
	if err != nil {
		panic(err)
	}
	select {} // until the signal has come
}

// crashHost does acts as a host does.
type crashHost struct {
	x     *crash
	sink  sdk.Sink
	token sdk.Token
}

func (h *crashHost) do(i int) error {
	ctx := sdk.WithHost(h.x.Context(), h.x.target.Host)
	a := h.x.acts[i]
	switch a.what {
	case "open":
		return h.open(ctx, a.run, false)
	case "write":
		return h.sink.Write(ctx, a.batch)
	case "commit":
		token, err := h.sink.Commit(ctx)
		if err == nil {
			h.token = token
		}
		return err
	}
	return h.close()
}

func (h *crashHost) open(ctx context.Context, run int, resume bool) error {
	v, err := h.x.plugin.New(ctx, rawConfig(h.x.T, h.x.target.Config(h.x.T, h.x.dir)))
	if err != nil {
		return err
	}
	h.sink = v.(sdk.Sink)
	o, ok := v.(sdk.Opener)
	if !ok {
		return errors.New("it is no sdk.Opener: it cannot come back to a token")
	}
	return o.Open(ctx, startOf(run, h.token, resume, h.x.streams))
}

func (h *crashHost) close() error {
	c, ok := h.sink.(io.Closer)
	h.sink = nil
	if ok {
		return c.Close()
	}
	return nil
}

// end closes what is open.
func (h *crashHost) end() {
	if h.sink != nil {
		_ = h.close() // it went wrong before
	}
}

// saying is what a child said last.
type saying struct {
	doing   int         // the act that was begun last; -1: none
	kept    []keptToken // that it committed
	lostOne bool        // the last thing that happened was a commit: the host may not have kept its token
}

type keptToken struct {
	act   int
	token sdk.Token
}

func (x *crash) heard(lines []string) saying {
	x.Helper()
	s := saying{doing: -1}
	for _, line := range lines {
		f := strings.Fields(line)
		n := 0
		if len(f) > 1 {
			n, _ = strconv.Atoi(f[1]) // what is no line of ours is neither of the two
		}
		switch {
		case line == "again":
			s.lostOne = false
		case len(f) == 2 && f[0] == "do":
			s.doing, s.lostOne = n, false
		case len(f) == 3 && f[0] == "done":
			s.lostOne = x.acts[n].what == "commit"
			if !s.lostOne {
				continue
			}
			raw, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(f[2], "token="))
			if err != nil {
				x.Fatalf("the child said %q: %v", line, err)
			}
			s.kept = append(s.kept, keptToken{n, raw})
		}
	}
	return s
}

// resumption is how a host goes on: what it opens the sink with, what that must hold then, and which act comes next.
type resumption struct {
	token  sdk.Token
	run    int
	resume bool
	want   map[string][]string
	next   int
}

// resumption is what a host does that has heard this. With lost it has not kept the last token; false: there was none to lose.
func (x *crash) resumption(lines []string, lost bool) (resumption, bool) {
	x.Helper()
	s := x.heard(lines)
	if lost && !s.lostOne {
		return resumption{}, false
	}
	if lost {
		s.kept = s.kept[:len(s.kept)-1]
	}
	r := resumption{run: x.acts[max(0, s.doing)].run}
	r.next = slices.IndexFunc(x.acts, func(a act) bool { return a.run == r.run }) + 1
	if len(s.kept) == 0 {
		return r, true
	}
	last := s.kept[len(s.kept)-1]
	r.token, r.resume = last.token, x.acts[last.act].run == r.run
	if r.resume {
		r.next = last.act + 1
	}
	if r.resume || r.run != 3 {
		r.want = x.after[last.act]
	}
	return r, true
}

// goOn opens the sink with what the host knows, looks whether it holds just that, goes on to the end and looks again.
func (x *crash) goOn(when string, r resumption) {
	x.Helper()
	h := &crashHost{x: x, token: r.token}
	defer h.end()
	if err := h.open(sdk.WithHost(x.Context(), x.target.Host), r.run, r.resume); err != nil {
		x.Fatalf("%s: the next start: %v", when, err)
	}
	x.compare(when+": opened again", r.want)
	for i := r.next; i < len(x.acts); i++ {
		if err := h.do(i); err != nil {
			x.Fatalf("%s: gone on, %s in run %d: %v", when, x.acts[i].what, x.acts[i].run, err)
		}
	}
	x.compare(when+": gone on to the end", x.after[len(x.acts)-1])
}

// goOnHere is goOn from what a process has left.
func (x *crash) goOnHere(when string, lines []string) {
	x.Helper()
	r, _ := x.resumption(lines, false)
	x.goOn(when, r)
}

// goOnFrom is goOn from a disk, with and without the last token. It returns how often it was done.
func (x *crash) goOnFrom(when string, c crashtest.Cut, lines []string) int {
	x.Helper()
	n := 0
	for _, lost := range []bool{false, true} {
		r, ok := x.resumption(lines, lost)
		if !ok {
			continue
		}
		if lost {
			when += ", and the host lost the last token"
		}
		x.clear()
		if err := c.Restore(x.dir); err != nil {
			x.Fatal(err)
		}
		x.goOn(when, r)
		n++
	}
	return n
}

func (x *crash) compare(when string, want map[string][]string) {
	x.Helper()
	got := x.holds()
	for _, s := range x.seen {
		if got, want := got[s.Name], want[s.Name]; !slices.Equal(got, want) {
			x.Fatalf("%s: stream %s has %d records, and should have %d; lost: %.300q, twice or other: %.300q",
				when, s.Name, len(got), len(want), without(want, got), without(got, want))
		}
	}
}

// without returns what of all is not in some, each as often as it is missing.
func without(all, some []string) []string {
	there := map[string]int{}
	for _, s := range some {
		there[s]++
	}
	var out []string
	for _, s := range all {
		if there[s]--; there[s] < 0 {
			out = append(out, s)
		}
	}
	return out
}

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
