// Process: checks of the process itself.

package plugintest

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"syscall"
	"time"

	"github.com/scrapekit/scrapekit/core/internal/pluginhost"
	"github.com/scrapekit/scrapekit/sdk/conformance"
	"github.com/scrapekit/scrapekit/sdk/rpc"
)

// processCheck is a check of the process itself.
type processCheck struct {
	conformance.Check
	run func(p Plan, t conformance.T)
}

func processChecks() []processCheck {
	return []processCheck{
		{conformance.Check{Name: "handshake", Promise: conformance.AnyHost,
			Doc: "the first line on stdout is the handshake, in time, and leads to the plugin"}, handshake},
		{conformance.Check{Name: "versions", Promise: conformance.AnyHost,
			Doc: "of the versions of the protocol that it is offered it takes one that it speaks"}, versions},
		{conformance.Check{Name: "by hand", Promise: conformance.AnyHost,
			Doc: "started by hand, it says on stderr what it is, and ends with a code that is not 0"}, byHand},
		{conformance.Check{Name: "signals", Promise: conformance.NothingLost,
			Doc: "SIGINT and SIGTERM do not end it: the host does, when all is committed"}, signals},
	}
}

// handshake starts the plugin and reads its description.
func handshake(p Plan, t conformance.T) {
	info, err := p.Host.Describe(t.Context(), p.Spec.Path, p.Spec.Digest, p.Spec.Args...)
	if err != nil {
		t.Fatalf("%v", err)
	}
	if info.Name != p.Info.Name || info.Kind != p.Info.Kind {
		t.Errorf("it is the %s %s now, and was the %s %s before", info.Kind, info.Name, p.Info.Kind, p.Info.Name)
	}
}

// versions offers future versions of the protocol, alone and together with this host's.
func versions(p Plan, t conformance.T) {
	const future = 999
	for offered, want := range map[string]string{
		fmt.Sprint(future): "one of its own",
		fmt.Sprintf("%d,%d", future, rpc.ProtocolVersion): fmt.Sprint(rpc.ProtocolVersion),
	} {
		g, err := p.Host.Greet(t.Context(), p.Spec, offered)
		if err != nil {
			t.Fatalf("%v", err)
		}
		parts := strings.Split(g.Line, "|")
		if len(parts) < 5 {
			t.Errorf("offered the versions %s of the protocol, it printed %q where its handshake belongs%s", offered,
				g.Line, lastOf(g))
			continue
		}
		if parts[1] == fmt.Sprint(future) || want != "one of its own" && parts[1] != want {
			t.Errorf("offered the versions %s of the protocol, its handshake says %q, want %s", offered, parts[1], want)
		}
	}
}

func lastOf(g pluginhost.Greeting) string {
	if len(g.Output) == 0 {
		return ""
	}
	return "; last lines: " + strings.Join(g.Output, " | ")
}

// byHand starts the plugin without the cookie that identifies a host.
func byHand(p Plan, t conformance.T) {
	g, err := p.Host.Greet(t.Context(), p.Spec, "")
	switch {
	case err != nil:
		t.Fatalf("%v", err)
	case strings.Count(g.Line, "|") >= 4:
		t.Errorf("it serves whoever starts it, and prints %q: look for the variable SCRAPEKIT_PLUGIN first", g.Line)
	case !g.Ended:
		t.Errorf("it did not end")
	case g.Code == 0:
		t.Errorf("it ended with code 0, as if it had done something")
	case len(g.Output) == 0 && g.Line == "":
		t.Errorf("it ended with code %d and without a word", g.Code)
	}
}

// signals sends the signals that a terminal or a service manager sends to the whole process group.
func signals(p Plan, t conformance.T) {
	if runtime.GOOS == "windows" {
		t.Skipf("there are no signals here")
	}
	for _, signal := range []os.Signal{os.Interrupt, syscall.SIGTERM} {
		plugin, err := p.Host.Start(t.Context(), p.Spec)
		if err != nil {
			t.Fatalf("%v", err)
		}
		t.Cleanup(plugin.Kill)
		running, err := os.FindProcess(plugin.Pid())
		if err == nil {
			err = running.Signal(signal)
		}
		if err == nil {
			err = stillThere(t, plugin)
		}
		if err != nil {
			t.Errorf("after the signal %q: %v", signal, err)
		}
		if err := plugin.Stop(t.Context()); err != nil {
			t.Errorf("ending the plugin after the signal %q: %v", signal, err)
		}
	}
}

// deathTime is how long a process may take to end after a signal. The check always waits as long.
const deathTime = 200 * time.Millisecond

// stillThere waits for deathTime and makes a call that every plugin answers.
func stillThere(t conformance.T, p *pluginhost.Plugin) error {
	late := time.NewTimer(deathTime)
	defer late.Stop()
	select {
	case <-p.Exited():
	case <-late.C:
	}
	_, err := p.Describe(t.Context())
	return err
}
