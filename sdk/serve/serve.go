// Package serve is the author's main():
//
//	func main() { serve.Main(jira.Plugin()) }
//
// The program is then a plugin that a host can start. It must print nothing to stdout before Main:
// the first line there is the handshake with the host. Later lines on stdout and stderr appear in
// the host's log, but sdk.Log is better.
package serve

import (
	"os"
	"os/signal"
	"syscall"

	"github.com/scrapekit/scrapekit/sdk"
	"github.com/scrapekit/scrapekit/sdk/rpc"
)

// Main serves p to the host that started this program, and returns when the host ends it. SIGINT
// and SIGTERM, which reach a whole process group, are ignored, so that the host can drain its
// plugins first. If the host dies, this process ends too.
//
// Started by hand with [DebugVar] in its environment, it waits for hosts that attach to it.
// Otherwise it prints what the program is and exits with code 2; with --describe it prints its
// sdk.Info as JSON and exits with code 0.
func Main(p sdk.Plugin) {
	if !rpc.StartedByHost() && os.Getenv(DebugVar) != "" {
		os.Exit(debugged(p, os.Stderr))
	}
	if !rpc.StartedByHost() {
		os.Exit(byHand(p, os.Args[1:], os.Stdout, os.Stderr))
	}
	TuneMemory()
	signal.Ignore(os.Interrupt, syscall.SIGTERM)
	go dieWithParent()
	rpc.Serve(p)
}
