// Plugins that connect, as processes in the sandbox: to what is granted, by way of the host, and
// killed in the middle of it.

//go:build linux

package e2e

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/scrapekit/scrapekit/core"
	"github.com/scrapekit/scrapekit/examples/sink-redis/redistest"
	"github.com/scrapekit/scrapekit/sdk/sdktest/crashtest"
)

// connecting is a pipeline of two plugins that connect: one source that may say what it finds, and
// the sink for Redis.
func (b tools) connecting(dir, server, source string) (file string, err error) {
	file = filepath.Join(dir, "p.hcl")
	text := fmt.Sprintf(`pipeline {
  commit_every = "40ms"
  commit_bytes = "1B"
  required_plugins {
    connects = { source = %q }
    steady   = { source = %q }
    redis    = { source = %q }
  }
}
%s
sink "redis" {
  address = "redis://%s"
}
`, b.path("connects"), b.path("steady"), b.path("sink-redis"), source, server)
	return file, os.WriteFile(file, []byte(text), 0o644)
}

// ordinary is an ordinary user, whom root can be.
const ordinary = 12345

// TestConnecting: a source and a sink at the preset level of the sandbox, for root and for an
// ordinary user.
func TestConnecting(t *testing.T) {
	t.Parallel()
	b := needTools(t)
	users := []int{os.Getuid()}
	if os.Getuid() == 0 {
		users = append(users, ordinary)
	}
	for _, user := range users {
		t.Run(strconv.Itoa(user), func(t *testing.T) {
			t.Parallel()
			testConnecting(t, b, user)
		})
	}
}

func testConnecting(t *testing.T, b tools, user int) {
	server := redistest.New(t)
	dir, err := os.MkdirTemp("", "connecting") // which an ordinary user gets to
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	file, err := b.connecting(dir, server.Addr, fmt.Sprintf(`
source "connects" {
  address = %q
  others  = ["asked.example.com:5432", "127.0.0.1:7", "never.example.com:5432", "169.254.169.254:80"]
  grant {
    dial = ["*:7"]
  }
}`, server.Addr))
	if err == nil {
		err = os.Chown(dir, user, user)
	}
	if err != nil {
		t.Fatal(err)
	}
	scrapekit := func(wantErr bool, args ...string) string {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), b.path("scrapekit"), args...)
		cmd.Env = append(os.Environ(), "HOME="+dir, "TMPDIR="+dir)
		if user != os.Getuid() {
			cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(user),
				Gid: uint32(user)}}
		}
		out, err := cmd.CombinedOutput()
		if (err != nil) != wantErr {
			t.Fatalf("%q: %v\n%s", args, err, out)
		}
		return string(out)
	}
	contains := func(where, text string, parts ...string) {
		t.Helper()
		for _, part := range parts {
			if !strings.Contains(text, part) {
				t.Errorf("%s has no %q:\n%s", where, part, text)
			}
		}
	}

	contains("the plan", scrapekit(false, "plan", file), "MAY CONNECT TO", "source connects  *:7, "+server.Addr,
		"sink redis       "+server.Addr)
	recording := filepath.Join(dir, "run.rec")
	out := scrapekit(false, "run", file, "--output", "plain", "--log", "debug", "--record", recording)
	contains("the log", out, "connected: ", "connection closed: ", "its connections are not recorded")
	contains("the report", out, "TCP "+server.Addr+", sink redis: 1 connection, ",
		"TCP asked.example.com:5432, source connects: 1 refused: not granted")

	said := map[string]string{}
	for _, line := range server.List("scrapekit:said") {
		var r struct{ To, Said string }
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			t.Fatal(err)
		}
		said[r.To] = r.Said
	}
	for to, want := range map[string]string{
		server.Addr:              "+PONG",
		"asked.example.com:5432": `not granted to source connects: if it is meant, write in the block at p.hcl:11: grant { dial = ["asked.example.com:5432"] }`,
		"127.0.0.1:7":            `in a private network, which no wildcard grants: if it is meant, write in the block at p.hcl:11: grant { dial = ["127.0.0.1:7"] }`,
		"never.example.com:5432": "the plugin does not ask for it",
		"169.254.169.254:80":     "the plugin does not ask for it",
	} {
		contains("what was said to "+to, said[to], want)
	}
	// it gets none
	if _, reason := core.BestSandbox(); reason == nil && !strings.Contains(said["itself"], ": socket: ") {
		t.Errorf("a direct connection: %q", said["itself"])
	}
	if open, _ := server.Connections(); open != 0 {
		t.Errorf("%d connections are open after the run", open)
	}

	_, before := server.Connections()
	contains("the replay", scrapekit(true, "run", file, "--output", "plain", "--replay", recording),
		"a replay makes no connections")
	if _, after := server.Connections(); after != before {
		t.Error("the replay has connected")
	}
}

// TestConnectingKilled kills host, source and sink while the sink writes to a database, and has
// them go on: the list is the one of a run that nobody disturbed, record for record.
//
//ci:plain
func TestConnectingKilled(t *testing.T) {
	crashtest.Plain(t)
	t.Parallel()
	b := needTools(t)
	const records = 640
	random := rand.New(rand.NewPCG(uint64(number(t, "SCRAPEKIT_SEED", 1)), 1))
	all := min(20, number(t, "SCRAPEKIT_KILLS", 20))
	server := redistest.New(t)
	dir := t.TempDir()
	file, err := b.connecting(dir, server.Addr,
		fmt.Sprintf("\nsource \"steady\" {\n  records = %d\n  every = 8\n}\n", records))
	if err != nil {
		t.Fatal(err)
	}
	host := crashtest.Program{Path: b.path("launch"),
		Args: []string{b.path("scrapekit"), "run", file, "--output", "plain"}, Root: dir}
	var want []string
	for id := range records {
		want = append(want, strconv.Itoa(id))
	}
	fell, of := kills{}, map[string]int{}
	for fell.landed < all || fell.between < 3 && fell.landed < 5*all {
		p := host
		at := 0
		for _, victim := range []string{"sink-redis", "steady", ""} {
			if victim == "" || random.IntN(3) > 0 {
				at += 1 + random.IntN(60)
				p.Strikes = append(p.Strikes, crashtest.Strike{At: at, Of: victim})
			}
		}
		cut := server.Cut()
		out, err := p.Run(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		hostKilled := false
		for _, s := range out.Struck {
			fell.landed++
			of[cmp.Or(s.Of, "host")]++
			hostKilled = hostKilled || s.Of == ""
		}
		fell.between += server.Cut() - cut
		if hostKilled {
			continue
		}
		if out.Code != 0 {
			t.Fatalf("after %v the host ended by itself with %d:\n%s", out.Struck, out.Code, out.Output)
		}
		if got := ids(t, server.List("scrapekit:records")); got != strings.Join(want, " ") {
			t.Fatalf("after %v:\n%s\nwant 0 to %d", of, got, records-1)
		}
		if err := os.RemoveAll(filepath.Join(dir, ".scrapekit")); err != nil { // and again
			t.Fatal(err)
		}
	}
	if out, err := exec.CommandContext(t.Context(), b.path("scrapekit"), "run", file, "--output",
		"plain").CombinedOutput(); err != nil {
		t.Fatalf("the last run: %v\n%s", err, out)
	}
	if got := ids(t, server.List("scrapekit:records")); got != strings.Join(want, " ") {
		t.Fatalf("after %v:\n%s\nwant 0 to %d", of, got, records-1)
	}
	t.Logf("%d kills, of %v; %d times the sink took back what no commit stood for", fell.landed, of, fell.between)
	if fell.between < 3 || all >= 20 && len(of) < 3 {
		t.Error("the test proves less than it says")
	}
}

// TestConnectingConformance tests the sink as `scrapekit plugins test` does: as a process, which
// connects to what the file grants.
//
//ci:plain
func TestConnectingConformance(t *testing.T) {
	crashtest.Plain(t)
	t.Parallel()
	b := needTools(t)
	server := redistest.New(t)
	file, err := b.connecting(t.TempDir(), server.Addr, "\nsource \"steady\" {}\n")
	if err != nil {
		t.Fatal(err)
	}
	test := func(args ...string) (string, error) {
		cmd := exec.CommandContext(t.Context(), b.path("scrapekit"),
			append([]string{"plugins", "test", b.path("sink-redis"), "--config", file, "--check", "back to a token",
				"--check", "lost token", "--check", "huge record"}, args...)...)
		cmd.Env = append(os.Environ(), "READLIST_SERVER="+server.Addr)
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	out, err := test("--place", "prefix", "--read", b.path("readlist"))
	if err != nil || !strings.Contains(out, "4 passed, 0 failed") { // and the handshake
		t.Errorf("%v\n%s", err, out)
	}
	if _, ever := server.Connections(); ever < 8 {
		t.Errorf("only %d connections", ever)
	}
	if out, err := test(); err == nil || !strings.Contains(out, "name one with --place") {
		t.Errorf("without a place: %v\n%s", err, out)
	}
	if out, err := test("--place", "prefix"); err == nil || !strings.Contains(out, "name a program with --read") ||
		strings.Contains(out, "FAIL") {
		t.Errorf("without a program that reads: %v\n%s", err, out)
	}
	if out, err := test("--place", "nothing"); err == nil ||
		!strings.Contains(out, `has no setting "nothing" that is a text`) {
		t.Errorf("another place: %v\n%s", err, out)
	}
}

// ids are the ids of records, in their order.
func ids(t *testing.T, lines []string) string {
	t.Helper()
	var out bytes.Buffer
	for i, line := range lines {
		var r struct{ ID int }
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			t.Fatal(err)
		}
		if i > 0 {
			out.WriteByte(' ')
		}
		out.WriteString(strconv.Itoa(r.ID))
	}
	return out.String()
}
