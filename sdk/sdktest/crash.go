// Crash tests: a sink or stateful transform in a process of its own. The process is killed, its
// disk fails and its power is cut at each of its file operations. A plugin joins with CrashSink or
// CrashTransform.

package sdktest

import (
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/scrapekit/scrapekit/sdk"
	"github.com/scrapekit/scrapekit/sdk/host"
	"github.com/scrapekit/scrapekit/sdk/sdktest/crashtest"
)

// crashEnv is set in the child process that runs the life: the test that it belongs to and its
// place.
const crashEnv = "SDKTEST_CRASH"

// crashTwice is how many kills and power cuts of each kind are followed by a second power cut.
// crashSeed chooses which.
const (
	crashTwice = "SDKTEST_CRASH_TWICE"
	crashSeed  = "SDKTEST_CRASH_SEED"
)

// crashShare makes only one in so many operations fail, and cuts the power only one in so many
// times, spread evenly: for slow machines, and for sinks with many operations.
const crashShare = "SDKTEST_CRASH_SHARE"

// batchOf makes a batch of lines.
func batchOf(stream string, lines ...string) sdk.Batch {
	return sdk.Batch{Stream: stream, Count: len(lines), Payload: []byte(strings.Join(lines, "\n") + "\n")}
}

// crash is a plugin under test and its place.
type crash struct {
	*testing.T
	plugin  sdk.Plugin
	target  SinkCase
	streams []sdk.Stream // streams that it is opened with
	seen    []sdk.Stream // streams that Read is called for
	acts    []act
	name    string // name of the test that the child runs
	dir     string
	after   map[int]map[string][]string // content after act i of an undisturbed life, by stream
	keeps   sdk.Delivery                // the sink's guarantee
	epoch   *int64                      // epoch of the newest instance, in any process
	conns   *crashConns
}

// CrashSink proves that a sink of files keeps its guarantee (see [host.GuaranteeOf]) through
// process kills, disk errors and power cuts.
//
// A child process makes the calls of three runs (a life), undisturbed. Then the life is repeated
// with faults: the child is killed before every change to a file; every change fails (EIO, and a
// disk that is full from there on); and the power fails after every change, so that unsynced writes
// are lost in several ways, also those of an earlier process that was killed. Each time the sink is
// opened with the last token that the host can have saved. It must hold what that token covers, and
// in the end what the undisturbed life holds. A sink that promises [sdk.ExactlyOnce] must hold
// exactly that both times. One that promises [sdk.OncePerKey] must hold exactly that in the end,
// and no key twice before. Any other may hold more. If the sink may leave incomplete records
// behind, the Read of the case leaves them out.
//
// A sink that connects, through the Dial of the case's host, is also killed in each write to a
// connection: after half of the bytes were sent and after all, and so between the parts of a
// transaction.
//
// CrashSink does not test everything: see [TestSink] for the rest, and for late writes of a killed
// process. The child is this test binary, started again with this test: the code before CrashSink
// runs there too. It must write below the folder of the case, or to a place that is named after
// that folder. Without ptrace (see [crashtest.Supported]) a sink of files is killed only between
// its calls.
func CrashSink(t *testing.T, p sdk.Plugin, c SinkCase) {
	var batches []sdk.Batch
	for n := range 9 {
		stream := []string{"one", "one", "two"}[n%3]
		batches = append(batches, batchOf(stream, fmt.Sprintf(`{"id":%d,"pad":"%s"}`, 2*n, strings.Repeat("x", 40*n)),
			fmt.Sprintf(`{"id":%d}`, 2*n+1)))
	}
	streams := []sdk.Stream{{Name: "one", PrimaryKey: []string{"id"}}, {Name: "two", PrimaryKey: []string{"id"}}}
	x := &crash{T: t, plugin: p, target: c, acts: life(batches), streams: streams, seen: streams}
	x.test()
}

func (x *crash) test() {
	x.Helper()
	x.epoch, x.conns = new(int64), &crashConns{}
	if place, ok := os.LookupEnv(crashEnv); ok {
		x.dir = place
		*x.epoch = int64(x.number(crashEpoch, 1))
		x.conns.dieAt(os.Getenv(crashWrite))
		os.Exit(x.live())
	}
	x.name, x.dir = x.Name(), x.TempDir()
	x.clear()
	x.undisturbed()
	connects := x.conns.written() > 0
	var whole *crashtest.Outcome
	if crashtest.Supported() == nil {
		whole = x.child(crashtest.Fault{}, true)
		if whole.Code != 0 {
			x.Fatalf("the undisturbed process ended with %d:\n%s", whole.Code, whole.Output)
		}
	}
	files := whole != nil && whole.Count() > 0 // and they are traced
	switch {
	case connects:
		x.part("killed at a connection", (*crash).killedAtWrites)
	case !files:
		x.part("killed between calls", (*crash).killedBetweenCalls)
	}
	if !files {
		return
	}
	if !x.target.Remote {
		x.part("power cut", func(x *crash) { x.powerCuts(whole) })
		x.part("two in a row", func(x *crash) { x.twice(whole) })
	}
	x.part("failures", func(x *crash) { x.faults(whole.Count()) })
}

// part is a subtest. Subtests run in sequence, because there is one place.
func (x *crash) part(name string, f func(*crash)) {
	x.Run(name, func(t *testing.T) {
		sub := *x
		sub.T = t
		f(&sub)
	})
}

// undisturbed records the content of the place after each act.
func (x *crash) undisturbed() {
	x.Helper()
	x.after = map[int]map[string][]string{}
	h := &crashHost{x: x}
	for i := range x.acts {
		if err := h.do(i); err != nil {
			x.Fatalf("undisturbed, %s in run %d: %v", x.acts[i].what, x.acts[i].run, err)
		}
		x.after[i] = x.holds()
		if h.sink != nil {
			x.keeps = host.GuaranteeOf(h.sink).Delivery
		}
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

// clear empties the place, and creates the private folder as a host does.
func (x *crash) clear() {
	x.Helper()
	entries, err := os.ReadDir(x.dir)
	for _, e := range entries {
		if err == nil {
			err = os.RemoveAll(x.dir + string(os.PathSeparator) + e.Name())
		}
	}
	if dir := x.private(); err == nil && dir != "" {
		err = os.Mkdir(dir, 0o700)
	}
	if err != nil {
		x.Fatal(err)
	}
}

// private is the plugin's private folder; "": it asks for none. It is traced with the place.
func (x *crash) private() string {
	if !x.plugin.PrivateDir {
		return ""
	}
	return filepath.Join(x.dir, ".private")
}

// host is the host of the case, with connections that are counted.
func (x *crash) host() sdk.Host {
	h := x.target.Host
	if h.Dial != nil {
		h.Dial = x.conns.over(h.Dial)
	}
	return h
}

// child runs the life in a process of its own.
func (x *crash) child(f crashtest.Fault, record bool, env ...string) *crashtest.Outcome {
	x.Helper()
	out, err := crashtest.Program{Path: os.Args[0], Args: x.only(), Env: append(x.env(), env...), Root: x.dir, Fault: f,
		Record: record}.Run(x.Context())
	if err != nil {
		x.Fatalf("%v\n%s", err, out.Output)
	}
	return out
}

// only returns the arguments with which the child runs only this test.
func (x *crash) only() []string {
	var path []string
	for part := range strings.SplitSeq(x.name, "/") {
		path = append(path, "^"+regexp.QuoteMeta(part)+"$")
	}
	return []string{"-test.run", strings.Join(path, "/"), "-test.parallel", "1"}
}

func (x *crash) env() []string {
	const more = 100 // than one process opens
	*x.epoch += more
	// or it waits a second at its end
	return append(os.Environ(), crashEnv+"="+x.dir, fmt.Sprintf("%s=%d", crashEpoch, *x.epoch-more+1),
		"GORACE=atexit_sleep_ms=0")
}

// live is the child: it prints which act begins and which is done, with its token and error.
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
		if err := h.open(x.host().In(x.Context()), r.run, r.resume); err != nil {
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
	fmt.Println(saysWrites + strconv.Itoa(x.conns.written()))
	return 0
}

// crashEpoch is the first epoch of the child's instances. crashWrite is the write to a connection
// at which it kills itself.
const (
	crashEpoch = "SDKTEST_CRASH_EPOCH"
	crashWrite = "SDKTEST_CRASH_WRITE"
)

// crashHeard is the output of an earlier process, from which the child continues.
const crashHeard = "SDKTEST_CRASH_HEARD"

// crashKill is the act at which the child kills itself, where no tracer can.
const crashKill = "SDKTEST_CRASH_KILL"

func killSelf() {
	self, err := os.FindProcess(os.Getpid())
	if err == nil {
		err = self.Kill()
	}
	if err != nil {
		panic(err)
	}
	select {} // until the signal arrives
}
