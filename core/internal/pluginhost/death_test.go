// Deaths of a less simple kind: at any moment, in part, and with children.

//go:build unix

package pluginhost

import (
	"errors"
	"math/rand/v2"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/scrapekit/scrapekit/core/internal/sandbox"
	"github.com/scrapekit/scrapekit/sdk"
)

// TestKilledAtAnyMoment kills plugins somewhere between their start and their work. Whatever the
// host was doing, the error is the same.
func TestKilledAtAnyMoment(t *testing.T) {
	t.Parallel()
	const kills, seed = 60, 7
	random := rand.New(rand.NewPCG(seed, 0))
	early := 0
	for i := range kills {
		delay := time.Duration(random.Int64N(int64(30 * time.Millisecond)))
		h := must(New(Options{RunDirs: shortDir(t), Sandbox: bestLevel()}))
		h.begun = func(pid int) {
			time.AfterFunc(delay, func() { _ = syscall.Kill(pid, syscall.SIGKILL) })
		}
		p, err := h.Start(t.Context(), spec(`{"do":"hang"}`, "source"))
		if err == nil {
			err = p.Source().Read(t.Context(), sdk.Split{ID: "all"}, sdk.NewWriter(&collected{}))
		} else {
			early++
		}
		var crash *Crash
		if !errors.As(err, &crash) || crash.Signal != "killed" || crash.Silent ||
			!strings.HasPrefix(err.Error(), "source fake: the plugin died") {
			t.Errorf("kill %d after %s: %v", i, delay, err)
		}
		if err := h.Close(); err != nil {
			t.Errorf("kill %d: close: %v", i, err)
		}
	}
	if early == 0 {
		t.Error("no kill has come before the plugin was ready")
	}
}

func TestPluginThatHangsUp(t *testing.T) {
	t.Parallel()
	p := start(t, newHost(t), spec(`{"do":"hang up"}`, "source"))
	err := read(t, p, &collected{})
	if err == nil || err.Error() != "source fake: the plugin died: it closed its connection and had to be ended" ||
		!isCrash(err) {
		t.Errorf("got %v", err)
	}
	<-p.Exited()
}

// child reads until the plugin has named the child that it started, and kills the plugin.
func child(t *testing.T, do string) (pid int, err error) {
	t.Helper()
	// Where the kernel confines a plugin, it has no children.
	p := start(t, newHost(t, sandbox.Env), spec(`{"do":"`+do+`"}`, "source"))
	out := &collected{}
	out.first = func() {
		pid = must(strconv.Atoi(strings.TrimSpace(out.payload.String())))
		must(0, syscall.Kill(p.Pid(), syscall.SIGKILL))
	}
	return pid, read(t, p, out)
}

func TestChildrenDieWithThePlugin(t *testing.T) {
	t.Parallel()
	pid, err := child(t, "child")
	if !isCrash(err) {
		t.Errorf("got %v", err)
	}
	settles(t, func() string {
		if !errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) && !zombie(pid) {
			return "the plugin's child lives"
		}
		return ""
	})
}

// TestRunawayChildHoldsNobodyUp has a child that left the group and keeps the plugin's stderr open.
func TestRunawayChildHoldsNobodyUp(t *testing.T) {
	t.Parallel()
	begin := time.Now()
	pid, err := child(t, "runaway")
	t.Cleanup(func() { must(0, syscall.Kill(pid, syscall.SIGKILL)) })
	if !isCrash(err) {
		t.Errorf("got %v", err)
	}
	if d := time.Since(begin); d > 5*pipeGrace {
		t.Errorf("the crash was reported after %s", d)
	}
}
