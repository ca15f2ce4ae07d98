package main

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/scrapekit/scrapekit/core"
	"github.com/scrapekit/scrapekit/sdk/serve"
)

// gaugesVar names a file to which a host under test appends how many goroutines it has, again and
// again.
const gaugesVar = "SCRAPEKIT_TEST_GAUGES"

// gauge appends a line with the number of goroutines every tenth of a second, as long as the
// process lives.
func gauge(file string) {
	f, err := os.OpenFile(file, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	for err == nil {
		_, err = fmt.Fprintln(f, runtime.NumGoroutine())
		time.Sleep(100 * time.Millisecond)
	}
	panic(err)
}

// TestMain makes the test binary the command itself when it is started as one: by a test, as the
// host, or by a host, as a plugin. Scripts have a few commands more; see script_test.go.
func TestMain(m *testing.M) {
	commands := map[string]func(){
		"scrapekit": func() { os.Exit(hostUnderTest()) },
		"exits":     func() { os.Exit(exits(os.Args[1:])) },
		"troubled":  func() { serve.Main(troubled()) },

		"discard":      func() { serve.Main(discardPlugin()) },
		"pages":        func() { serve.Main(pagesPlugin()) },
		"pages-bare":   func() { exitPages(barePages) },
		"pages-server": func() { exitPages(servePages) },
	}
	_, byName := commands[filepath.Base(os.Args[0])]
	if !byName && len(os.Args) > 1 && !strings.HasPrefix(os.Args[1], "-test.") {
		os.Exit(hostUnderTest())
	}
	if !byName {
		quickRaces()
		reduceSandbox()
	}
	testscript.Main(m, commands)
}

// quickRaces makes processes with the race detector end at once: by itself it waits a second at
// every end.
func quickRaces() {
	if err := os.Setenv("GORACE", os.Getenv("GORACE")+" atexit_sleep_ms=0"); err != nil {
		panic(err)
	}
}

// reduceSandbox lets the tests run where the kernel has not what the sandbox needs.
func reduceSandbox() {
	level, reason := core.BestSandbox()
	if reason == nil {
		return
	}
	fmt.Println("plugins run at the sandbox level", level+":", reason)
	if err := os.Setenv(core.SandboxVar, level); err != nil {
		panic(err)
	}
}

func hostUnderTest() int {
	serve.TuneMemory() // as main does
	if file := os.Getenv(gaugesVar); file != "" {
		go gauge(file)
	}
	return run(os.Args[1:], os.Stdout, os.Stderr)
}
