// Random kills that can be had again, and whether a test of kills proves what it says.

//go:build linux

package e2e

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"sync"
	"testing"

	"golang.org/x/sync/errgroup"

	"github.com/scrapekit/scrapekit/core"
	"github.com/scrapekit/scrapekit/sdk/sdktest/crashtest"
)

// kills are those of one test.
type kills struct {
	planned, landed int
	between         int // of those that landed: between what a sink wrote and its commit
	harmful         int // how many of a hundred must fall there
}

func (k kills) String() string {
	return fmt.Sprintf("%d of %d landed, %d of them between a sink's write and its commit", k.landed, k.planned,
		k.between)
}

// hit notes one that landed.
func (k *kills) hit(between bool) {
	k.landed++
	if between {
		k.between++
	}
}

// enough returns an error if too few landed, or too few where they can do harm.
func (k kills) enough() error {
	if k.landed*10 < k.planned*9 {
		return fmt.Errorf("only %d of %d kills landed: the test proves less than it says", k.landed, k.planned)
	}
	if k.between*100 < k.landed*k.harmful {
		return fmt.Errorf("only %d of %d kills fell between what a sink wrote and its commit: the test "+
			"proves less than it says", k.between, k.landed)
	}
	return nil
}

func TestEnoughKills(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		kills
		enough bool
	}{
		{kills{planned: 10, landed: 9}, true},
		{kills{planned: 10, landed: 8}, false},
		{kills{planned: 10}, false},
		{kills{planned: 10, landed: 10, between: 3, harmful: 30}, true},
		{kills{planned: 10, landed: 10, between: 2, harmful: 30}, false},
	} {
		if err := c.kills.enough(); (err == nil) != c.enough {
			t.Errorf("%+v: %v", c.kills, err)
		}
	}
}

// long are the settings of a pipeline with time for killsOfASeed kills.
const (
	long         = "  records = 640\n  every = 8"
	killsOfASeed = 10
	longestPause = 110 // operations between two kills; a start takes a hundred before a sink writes
)

// plugins are what is killed beside the host.
var plugins = []string{"steady", "transform-number", "jsonl"}

// TestSeededKills kills host, source, transform and sink, each seed at moments of its own: before
// which operation on a file, counted over all processes. SCRAPEKIT_KILLS says how many in all,
// SCRAPEKIT_SEED with which seed to begin; an error says with which it can be had again. Plugins
// run at the sandbox level env, which starts them in half the time, unless SCRAPEKIT_SANDBOX names
// another.
//
//ci:plain
func TestSeededKills(t *testing.T) {
	crashtest.Plain(t)
	t.Parallel()
	b := needTools(t)
	whole, want := b.calm(t, long)
	all := number(t, "SCRAPEKIT_KILLS", 500)
	seeds := max(1, all/killsOfASeed)
	first := number(t, "SCRAPEKIT_SEED", 1)
	fell := kills{planned: seeds * killsOfASeed, harmful: 30}
	of := map[string]int{}
	var mu sync.Mutex
	g, ctx := errgroup.WithContext(t.Context())
	g.SetLimit(6) // half the time they wait before they try again
	for seed := first; seed < first+seeds; seed++ {
		g.Go(func() error {
			k := killing{tools: b, random: rand.New(rand.NewPCG(uint64(seed), 0)), dir: t.TempDir(),
				of: map[string]int{}}
			err := k.run(ctx, want)
			mu.Lock()
			defer mu.Unlock()
			fell.landed, fell.between = fell.landed+k.landed, fell.between+k.between
			for name, n := range k.of {
				of[name] += n
			}
			if err != nil {
				return fmt.Errorf("seed %d: %w\nagain: SCRAPEKIT_KILLS=%d SCRAPEKIT_SEED=%d go test -run "+
					"TestSeededKills ./cmd/scrapekit", seed, err, killsOfASeed, seed)
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	t.Logf("seeds %d to %d, over %d operations each: %s: %v", first, first+seeds-1, whole.Count(), fell, of)
	if all < 100 {
		return // one seed that is had again need not prove anything
	}
	if err := fell.enough(); err != nil {
		t.Error(err)
	}
	for _, name := range append(plugins, "host") {
		if of[name]*20 < fell.landed {
			t.Errorf("only %d kills of the %s landed: the test proves less than it says", of[name], name)
		}
	}
}

// killing is the kills of one seed.
type killing struct {
	tools
	kills
	random *rand.Rand
	dir    string
	of     map[string]int
}

// run runs the pipeline, with kills, until it has come to its end.
func (k *killing) run(ctx context.Context, want string) error {
	x, err := k.trial(k.dir, long)
	if err != nil {
		return err
	}
	env := append(os.Environ(), core.SandboxVar+"="+cmp.Or(os.Getenv(core.SandboxVar), "env"))
	for {
		p := x.watched()
		p.Env = env
		p.Strikes = k.draw()
		out, err := p.Run(ctx)
		if err != nil {
			return err
		}
		hostKilled := false
		for _, s := range out.Struck {
			k.hit(uncommitted(out.Ops[:s.After]))
			k.of[cmp.Or(s.Of, "host")]++
			hostKilled = hostKilled || s.Of == ""
		}
		if !hostKilled && out.Code != 0 {
			return fmt.Errorf("after %v the host ended by itself with %d:\n%s", out.Struck, out.Code, out.Output)
		}
		if !hostKilled {
			break
		}
	}
	if err := x.ends(ctx, want); err != nil { // and a run that finds nothing new
		return err
	}
	return os.RemoveAll(k.dir)
}

// draw plans the kills of one host: some of its plugins, then itself. A host gives up after five
// plugins in a row that died before a commit, as it should.
func (k *killing) draw() []crashtest.Strike {
	var out []crashtest.Strike
	at := 0
	of := func(name string) {
		if k.planned < killsOfASeed {
			k.planned++
			at += 1 + k.random.IntN(longestPause)
			out = append(out, crashtest.Strike{At: at, Of: name})
		}
	}
	for range k.random.IntN(4) {
		of(plugins[k.random.IntN(len(plugins))])
	}
	of("")
	return out
}
