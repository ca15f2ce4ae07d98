// An installation that is killed, and two that run at once.

package install_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/scrapekit/scrapekit/core/internal/registry/artifact"
	"github.com/scrapekit/scrapekit/core/internal/registry/install"
	"github.com/scrapekit/scrapekit/core/internal/registry/lock"
	"github.com/scrapekit/scrapekit/core/internal/registry/store"
	"github.com/scrapekit/scrapekit/sdk"
	"github.com/scrapekit/scrapekit/sdk/sdktest/crashtest"
)

// childEnv holds the folder in which the test binary, started once more, installs what is published
// in another.
const childEnv = "INSTALL_TEST_CHILD"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childEnv); dir != "" {
		os.Exit(child(dir, os.Getenv(childEnv+"_FROM")))
	}
	os.Exit(m.Run())
}

// child is a whole world below dir, and updates the plugin in it.
func child(dir, published string) int {
	if err := crashtest.Watch(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 2
	}
	w := worldIn(crashT{}, dir, published)
	if _, err := w.install(install.Mode{Upgrade: true}, want(hello, "")); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	fmt.Println("installed")
	return 0
}

// TestKilledInstallation kills an update before each thing that it does to a file: the lock file is
// the old one or the new one, as a whole, what it names is there and right, and the update succeeds
// when it is run again.
func TestKilledInstallation(t *testing.T) {
	t.Parallel()
	if err := crashtest.Supported(); err != nil {
		t.Skip(err)
	}
	publisher, source := newPublisher(t), newWorld(t)
	source.publish(publisher, release{name: hello, version: "1.0.0"})
	base := t.TempDir()
	prepared := worldIn(t, base, source.published)
	prepared.must(install.Mode{}, want(hello, ""))
	source.publish(publisher, release{name: hello, version: "1.1.0"})
	whole := run(t, copied(t, base), source.published, crashtest.Fault{})
	if whole.Code != 0 || whole.Count() < 20 {
		t.Fatalf("code %d, %d operations: %s", whole.Code, whole.Count(), whole.Output)
	}
	for n := 1; n <= whole.Count(); n++ {
		dir := copied(t, base)
		out := run(t, dir, source.published, crashtest.Fault{At: n})
		if out.Hit == nil {
			t.Fatalf("operation %d was not reached: %s", n, out.Output)
		}
		checkAfter(t, worldIn(t, dir, source.published), fmt.Sprintf("killed before operation %d (%v)", n, out.Hit))
	}
	n := 0
	for c := range whole.PowerCuts(1) {
		dir := t.TempDir()
		if err := c.Restore(dir); err != nil {
			t.Fatal(err)
		}
		n++
		w := worldIn(t, dir, source.published)
		when := fmt.Sprintf("power cut after operation %d, %s kept", c.After, c.How)
		if p, _ := w.locked().Get(hello); len(whole.Said(c.After)) > 0 && p.Version.String() != "1.1.0" {
			t.Errorf("%s: what was installed is not locked: %s", when, p.Version)
		}
		checkAfter(t, w, when)
	}
	t.Logf("%d kills, %d power cuts", whole.Count(), n)
}

func checkAfter(t *testing.T, w *world, when string) {
	t.Helper()
	p, ok := w.locked().Get(hello)
	if !ok {
		t.Errorf("%s: the lock file has lost the plugin", when)
		return
	}
	if right, err := w.Store.Has(p.Targets[artifact.Here()].Binary.String(), artifact.Here().Program()); !right {
		t.Errorf("%s: %s is locked and not there (%v)", when, p.Version, err)
	}
	if _, err := w.install(install.Mode{Upgrade: true}, want(hello, "")); err != nil {
		t.Errorf("%s: again: %v", when, err)
		return
	}
	if p, _ := w.locked().Get(hello); p.Version.String() != "1.1.0" {
		t.Errorf("%s: again: %s", when, p.Version)
	}
}

func run(t *testing.T, dir, published string, f crashtest.Fault) *crashtest.Outcome {
	t.Helper()
	out, err := crashtest.Program{Path: os.Args[0],
		Env: append(os.Environ(), childEnv+"="+dir, childEnv+"_FROM="+published), Root: dir, Fault: f,
		Record: true}.Run(t.Context())
	if err != nil {
		t.Fatalf("%v\n%s", err, out.Output)
	}
	return out
}

func copied(t *testing.T, base string) string {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(dir, os.DirFS(base)); err != nil {
		t.Fatal(err)
	}
	return dir
}

// TestTwoAtOnce: two installations of one folder and one store, of different plugins: the lock file
// has both.
func TestTwoAtOnce(t *testing.T) {
	t.Parallel()
	w, acme := newWorld(t), newPublisher(t)
	var names []string
	for i := range 6 {
		names = append(names, fmt.Sprintf("registry.example.com/acme/p%d", i))
		w.publish(acme, release{name: names[i], version: "1.0.0"})
	}
	var wait sync.WaitGroup
	for _, name := range names {
		wait.Go(func() {
			in := *w.Installer
			plan, err := in.Resolve(t.Context(), []install.Demand{want(name, "")}, install.Mode{})
			if err == nil {
				err = in.Apply(t.Context(), plan)
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	f, err := lock.Read(w.LockFile)
	if err != nil || len(f.Plugins) != len(names) {
		t.Errorf("%d plugins are locked (%v)\n%s", len(f.Plugins), err, w.lockText())
	}
}

// worldIn is a world whose lock file, keys and store are below a folder, so that all of it can be
// watched and copied. Its programs say of themselves what their publisher signed.
func worldIn(t testing.TB, dir, published string) *world {
	w := emptyWorld(t)
	w.dir, w.published = dir, published
	w.LockFile, w.KeysFile, w.Store = filepath.Join(dir, lock.FileName), filepath.Join(dir, "config",
		"trust.hcl"), store.At(filepath.Join(dir, "store"))
	w.Describe = func(_ context.Context, path, _ string) (sdk.Info, error) {
		raw, err := os.ReadFile(path) // as release.program writes it
		fields := strings.Fields(string(raw))
		if err != nil || len(fields) < 4 {
			return sdk.Info{}, fmt.Errorf("%q: %w", raw, err)
		}
		return sdk.Info{Name: artifact.ShortName(fields[2]), Version: fields[3], Kind: sdk.KindSource}, nil
	}
	return w
}

// crashT is for a world outside of a test.
type crashT struct{ testing.TB }

func (crashT) Helper() {}

func (crashT) Context() context.Context { return context.Background() }
