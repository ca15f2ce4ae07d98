// What goes wrong in a simulated run, and when: drawn from the seed.

package pipeline_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/scrapekit/scrapekit/core/internal/checkpoint"
	"github.com/scrapekit/scrapekit/sdk"
)

// fault is what goes wrong with one call.
type fault string

const (
	noFault     fault = ""
	temporary   fault = "temporary error"
	permanent   fault = "permanent error"
	limited     fault = "rate limit"
	lostReply   fault = "done, but the reply is an error"
	half        fault = "half done"
	dies        fault = "plugin dies before"
	diesAfter   fault = "plugin dies after"
	hostDies    fault = "host dies before"
	hostDiesYet fault = "host dies after"
	stops       fault = "the user stops the run"
	slow        fault = "slow"
	sleeps      fault = "the host stands still"
)

// may lists what can go wrong where. A site is "stage call".
func may(site string) []fault {
	switch {
	case strings.HasPrefix(site, "step"):
		return []fault{hostDies, stops, sleeps}
	case strings.HasPrefix(site, "store"), strings.HasPrefix(site, "keep"):
		return []fault{temporary, lostReply, hostDies, hostDiesYet, slow, stops, sleeps}
	case strings.HasPrefix(site, lettersSite):
		return []fault{temporary, lostReply, hostDies, hostDiesYet, slow}
	case strings.HasSuffix(site, "write"):
		return []fault{temporary, limited, lostReply, half, half, half, half, half, half, dies, diesAfter, hostDies,
			hostDiesYet, stops, slow, sleeps, permanent}
	}
	return []fault{temporary, limited, lostReply, dies, diesAfter, hostDies, hostDiesYet, stops, slow, sleeps,
		permanent}
}

// faults draws them, up to a budget, so that every seed comes to an end.
type faults struct {
	seed   uint64
	rate   int // of 1000 calls
	budget int

	mu    sync.Mutex
	calls map[string]int
	fired int
	trace []entry
}

// entry is one call of the trace.
type entry struct {
	at          time.Duration
	life        int
	site, key   string
	fault       fault
	consequence string
}

func newFaults(seed uint64) *faults {
	r := chance(seed, "faults")
	return &faults{seed: seed, rate: []int{0, 3, 10, 30, 100, 300}[r.IntN(6)], budget: r.IntN(40),
		calls: map[string]int{}}
}

// maxCalls is more than any seed needs: beyond it a run goes round in circles.
const maxCalls = 200_000

// draw says what becomes of a call, and how long it takes. No two calls take the same time, so that
// in virtual time one comes after the other, and a seed has one course.
func (f *faults) draw(life int, site, key string, since time.Time) (fault, time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := f.calls[site+" "+key]
	f.calls[site+" "+key]++
	r := chance(f.seed, "call", site, key, n)
	takes := time.Duration(1 + r.Int64N(int64(3*time.Millisecond)))
	what := noFault
	if f.fired < f.budget && r.IntN(1000) < f.rate {
		all := may(site)
		what = all[r.IntN(len(all))]
		f.fired++
	}
	if what == slow {
		// longer than a run may take to drain
		takes += time.Duration(r.Int64N(int64([]time.Duration{time.Second, time.Second, 50 * time.Second}[r.IntN(3)])))
	}
	if len(f.trace) > maxCalls {
		panic(fmt.Sprintf("seed %d goes round in circles:\n%s", f.seed, tail(f.trace, 60)))
	}
	f.trace = append(f.trace, entry{at: time.Since(since), life: life, site: site, key: key, fault: what})
	return what, takes
}

func (f *faults) count() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.fired
}

func (f *faults) note(life int, since time.Time, what string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.trace = append(f.trace, entry{at: time.Since(since), life: life, consequence: what})
}

// course is the trace with what happened in the same instant in an order of its own.
func course(trace []entry) string {
	trace = slices.Clone(trace)
	slices.SortFunc(trace, func(a, b entry) int {
		return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.site, b.site), cmp.Compare(a.key, b.key),
			cmp.Compare(a.consequence, b.consequence))
	})
	return tail(trace, len(trace))
}

// tail prints the last entries of a trace.
func tail(trace []entry, n int) string {
	var b strings.Builder
	if skipped := len(trace) - n; skipped > 0 {
		fmt.Fprintf(&b, "  … %d calls before\n", skipped)
		trace = trace[skipped:]
	}
	for _, e := range trace {
		fmt.Fprintf(&b, "  %-14s life %-2d %s\n", e.at, e.life,
			strings.TrimSpace(strings.Join([]string{e.site, e.key, string(e.fault), e.consequence}, " ")))
	}
	return b.String()
}

// errDead is what a dead host's calls come to. Nobody sees it.
var errDead = sdk.Permanent(errors.New("the host is dead"))

// process is a plugin's process, or the host's.
type process struct {
	once sync.Once
	gone chan struct{}
}

func newProcess() *process { return &process{gone: make(chan struct{})} }

func (p *process) die() { p.once.Do(func() { close(p.gone) }) }

func (p *process) dead() bool { return closedChan(p.gone) }

// life is one start of the host, from its beginning to its end or death.
type life struct {
	*sim
	n    int
	host *process
	stop context.CancelFunc // what the user's Ctrl-C does

	mu     sync.Mutex
	asleep time.Time // until when it stands still
}

// sleep has the host stand still for longer than its lease: none of its calls goes on until then.
func (l *life) sleep(d time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.asleep = time.Now().Add(checkpoint.Lease + d)
}

// awake waits until the host does not stand still, or is dead.
func (l *life) awake() {
	l.mu.Lock()
	d := time.Until(l.asleep)
	l.mu.Unlock()
	if d <= 0 {
		return
	}
	select {
	case <-time.After(d):
	case <-l.host.gone:
	}
}

// call lets one call happen, or not, as the seed has it. plugin is nil for the host's own calls.
func (l *life) call(ctx context.Context, plugin *process, site, key string, effect func() error) error {
	return l.callIn(ctx, plugin, site, key, effect, nil)
}

// callIn is call for what can be done by half.
func (l *life) callIn(ctx context.Context, plugin *process, site, key string, effect, part func() error) error {
	if l.host.dead() {
		return errDead
	}
	what, takes := l.faults.draw(l.n, site, key, l.began)
	if strings.HasPrefix(site, "step ") {
		takes = 0 // it is an instant, and several groups may come to it at once
	}
	if err := l.pass(ctx, plugin, takes); err != nil {
		return err
	}
	switch what {
	case temporary:
		return errors.New(site + ": a temporary error")
	case permanent:
		return sdk.Permanent(errors.New(site + ": a permanent error"))
	case limited:
		return sdk.RetryAfter(errors.New(site+": 429"), takes*10_000)
	case dies:
		plugin.die()
		return crash{}
	case hostDies:
		l.die()
		return errDead
	case stops:
		l.stop()
	case sleeps:
		l.sleep(takes * 10_000)
		l.awake()
		if l.host.dead() {
			return errDead
		}
	case half:
		return errors.Join(part(), errors.New(site+": broke off"))
	}
	err := effect()
	switch {
	case what == lostReply:
		return errors.New(site + ": the reply was lost")
	case what == diesAfter:
		plugin.die()
		return crash{}
	case what == hostDiesYet:
		l.die()
		return errDead
	}
	return err
}

// pass lets time pass until the call happens; it does not if somebody dies before. No two callers
// learn of that in the same instant either.
func (l *life) pass(ctx context.Context, plugin *process, takes time.Duration) error {
	var gone chan struct{}
	if plugin != nil {
		gone = plugin.gone
	}
	if takes == 0 {
		l.awake()
		return nil
	}
	timer := time.NewTimer(takes)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-l.host.gone:
	case <-gone:
		time.Sleep(takes / 1000)
	case <-ctx.Done():
		time.Sleep(takes / 1000)
	}
	l.awake()
	switch {
	case l.host.dead():
		return errDead
	case plugin != nil && plugin.dead():
		return crash{}
	}
	return ctx.Err()
}

// die is kill -9: nothing that this host does from now on has an effect.
func (l *life) die() {
	l.host.die()
	l.stop() // so that what is left of it ends soon
}
