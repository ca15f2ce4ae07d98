// Files on an object store: the run is killed while objects grow, and requests go wrong.

//go:build linux

package e2e

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/scrapekit/scrapekit/sdk/filesink/filesinktest"
	"github.com/scrapekit/scrapekit/sdk/sdktest/crashtest"
)

// growing are ways in which objects come to be: what is set in the sink, and the padding of
// records. The last makes objects of several parts.
var growing = []struct {
	sink string
	pad  int
}{
	{"", 30},
	{`visible = "commit"`, 30},
	{`rotate_size = "4kB"`, 30},
	{`rotate_size = "12MB"`, 20000},
}

// store is an object store whose requests go wrong. Its buckets are folders.
type store struct {
	root, url            string
	calm                 atomic.Bool // nothing goes wrong
	requests, ill, parts atomic.Int64
}

const storeKey, storeSecret = "key", "a-secret-of-tests"

// newStore has faults before what serves the folder root.
func newStore(t *testing.T, root string, serves http.Handler) *store {
	t.Helper()
	s := &store{root: root}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Has("partNumber") {
			s.parts.Add(1)
		}
		n := s.requests.Add(1)
		lost, landed, slow := n%9 == 7, n%9 == 4, n%40 == 20
		if s.calm.Load() || !lost && !landed && !slow {
			serves.ServeHTTP(w, r)
			return
		}
		s.ill.Add(1)
		switch {
		case slow:
			w.WriteHeader(http.StatusServiceUnavailable)
			_, _ = io.WriteString(w, "<Error><Code>SlowDown</Code></Error>") // the client's matter
			return
		case landed:
			serves.ServeHTTP(httptest.NewRecorder(), r)
		}
		panic(http.ErrAbortHandler)
	}))
	t.Cleanup(server.Close)
	s.url = server.URL
	return s
}

// storeVar is the command line of a server that keeps buckets as folders of {dir}, listens at
// {addr}, and knows storeKey and storeSecret.
const storeVar = "SCRAPEKIT_S3"

// realStore starts the server that storeVar names.
func realStore(t *testing.T) *store {
	t.Helper()
	command := os.Getenv(storeVar)
	if command == "" {
		t.Skip(storeVar + " names no server of object storage; .ci/run stores does")
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr, dir := listener.Addr().String(), t.TempDir()
	listener.Close()
	if err := os.Mkdir(filepath.Join(dir, "corpus"), 0o755); err != nil {
		t.Fatal(err)
	}
	words := strings.Fields(strings.NewReplacer("{addr}", addr, "{dir}", dir).Replace(command))
	cmd := exec.Command(words[0], words[1:]...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // it was killed
		if t.Failed() {
			t.Logf("the server said:\n%s", out.String())
		}
	})
	for range 1000 {
		conn, err := net.Dial("tcp", addr)
		if err == nil {
			conn.Close()
			to := &url.URL{Scheme: "http", Host: addr}
			return newStore(t, dir, &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
				r.SetURL(to)
				r.Out.Host = r.In.Host // which is signed
			}})
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Fatalf("the server does not listen")
	return nil
}

// growingIn writes a pipeline whose files are on a store, and which commits as often as it can.
func (b tools) growingIn(dir string, s *store, round, records int) (file string, err error) {
	file = filepath.Join(dir, "p.hcl")
	way := growing[round%len(growing)]
	text := fmt.Sprintf(`pipeline {
  commit_every = "40ms"
  commit_bytes = "1B"
  required_plugins {
    steady = { source = %q }
  }
}
variable "bucket" { default = "corpus" }
variable "key" { default = %q }
variable "secret" { default = %q }
source "steady" {
  records = %d
  every   = 8
  pad     = %d
}
sink "jsonl" {
  path     = "s3://${var.bucket}/round%d/{stream}.jsonl"
  endpoint = %q
  %s
  http {
    auth "aws_sigv4" {
      region            = "us-east-1"
      service           = "s3"
      access_key_id     = var.key
      secret_access_key = var.secret
    }
  }
}
`, b.path("steady"), storeKey, storeSecret, records, way.pad, round, s.url, way.sink)
	return file, os.WriteFile(file, []byte(text), 0o644)
}

// TestObjectsKilled kills host, source and sink while files grow on an object store that loses
// requests and replies. Each record is there once in the end, in order. SCRAPEKIT_KILLS says how
// many kills must land.
//
//ci:plain
func TestObjectsKilled(t *testing.T) {
	crashtest.Plain(t)
	t.Parallel()
	b, root := needTools(t), t.TempDir()
	b.growingKilled(t, newStore(t, root, &filesinktest.S3{Root: root, MinPart: 5 << 20}))
}

// TestObjectServer is the same with a real server, which also holds signatures to be right. Go with
//
//	go build -C tools/s3 -o /tmp/s3 .
//	export SCRAPEKIT_S3="/tmp/s3 serve s3 --addr {addr} --auth-key key,a-secret-of-tests {dir}"
//	go test -run TestObjectServer ./cmd/scrapekit/e2e
//
//ci:stores
func TestObjectServer(t *testing.T) {
	t.Parallel()
	s := realStore(t)
	b := needTools(t)
	b.growingKilled(t, s)
	s.calm.Store(true)
	b.checksStore(t, s)
}

func (b tools) growingKilled(t *testing.T, s *store) {
	t.Helper()
	all, seed := number(t, "SCRAPEKIT_KILLS", 20), number(t, "SCRAPEKIT_SEED", 1)
	random := rand.New(rand.NewPCG(uint64(seed), 5))
	landed := map[string]int{}
	for total, round := 0, 0; total < all; round++ {
		n, err := b.growingRound(t.Context(), t.TempDir(), s, round, random, landed)
		if err != nil {
			t.Fatalf("seed %d, round %d, after %d kills: %v", seed, round, total, err)
		}
		total += n
	}
	t.Logf("kills %v; %d of %d requests went wrong, %d were for parts", landed, s.ill.Load(), s.requests.Load(),
		s.parts.Load())
	if all >= 20 && (len(landed) < 3 || s.ill.Load() < 10 || s.parts.Load() < 2) {
		t.Error("the test proves less than it says")
	}
}

// checksStore tries settings that are right, and such that are not.
func (b tools) checksStore(t *testing.T, s *store) {
	t.Helper()
	file, err := b.growingIn(t.TempDir(), s, 0, 10)
	if err != nil {
		t.Fatal(err)
	}
	sink := ":16: sink jsonl: s3://"
	for setting, want := range map[string][]string{
		"bucket=corpus":   {"is right"},
		"bucket=nowhere":  {sink + "nowhere/", "make the bucket nowhere, or mend path"},
		"key=another":     {sink + "corpus/", `check auth "aws_sigv4"`},
		"secret=mistaken": {sink + "corpus/", `check auth "aws_sigv4"`},
	} {
		out, err := exec.CommandContext(t.Context(), b.path("scrapekit"), "validate", "--check", "--var", setting,
			file).CombinedOutput()
		if (err == nil) != (want[0] == "is right") || bytes.Contains(out, []byte("conditional writes")) {
			t.Errorf("%s: %v\n%s", setting, err, out)
		}
		for _, text := range want {
			if !bytes.Contains(out, []byte(text)) {
				t.Errorf("%s: no %q in\n%s", setting, text, out)
			}
		}
		if want[0] == "is right" {
			continue
		}
		out, err = exec.CommandContext(t.Context(), b.path("scrapekit"), "run", "--var", setting, file).CombinedOutput()
		if err == nil || !bytes.Contains(out, []byte(want[1])) ||
			!bytes.Contains(out, []byte("Nothing was delivered")) {
			t.Errorf("run with %s: %v\n%s", setting, err, out)
		}
	}
}

// TestUnconditionalStore: a check says what a store does not know.
func TestUnconditionalStore(t *testing.T) {
	t.Parallel()
	b, root := needTools(t), t.TempDir()
	s := newStore(t, root, &filesinktest.S3{Root: root, Unconditional: true})
	s.calm.Store(true)
	file, err := b.growingIn(t.TempDir(), s, 0, 10)
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), b.path("scrapekit"), "validate", "--check", file).CombinedOutput()
	if err != nil || !bytes.Contains(out, []byte("conditional writes")) {
		t.Errorf("%v\n%s", err, out)
	}
}

// growingRound runs a pipeline to its end, with at most six kills, and returns how many landed.
func (b tools) growingRound(ctx context.Context, dir string, s *store, round int, random *rand.Rand,
	landed map[string]int) (n int, err error) {
	const records, most = 320, 6
	file, err := b.growingIn(dir, s, round, records)
	if err != nil {
		return 0, err
	}
	host := crashtest.Program{Path: b.path("launch"),
		Args: []string{b.path("scrapekit"), "run", file, "--output", "plain"}, Root: dir}
	for killed := true; killed; {
		p, at := host, 0
		for _, victim := range []string{"jsonl", "steady", ""} {
			if n+len(p.Strikes) < most && (victim == "" || random.IntN(3) > 0) {
				at += 1 + random.IntN(110)
				p.Strikes = append(p.Strikes, crashtest.Strike{At: at, Of: victim})
			}
		}
		out, err := p.Run(ctx)
		if err != nil {
			return n, err
		}
		killed = false
		for _, struck := range out.Struck {
			n++
			landed[cmp.Or(struck.Of, "host")]++
			killed = killed || struck.Of == ""
		}
		if !killed && out.Code != 0 {
			return n, fmt.Errorf("after %v the host ended by itself with %d:\n%s", out.Struck, out.Code, out.Output)
		}
	}
	// and a run that finds nothing new
	if out, err := exec.CommandContext(ctx, b.path("scrapekit"), "run", file).CombinedOutput(); err != nil {
		return n, fmt.Errorf("%w\n%s", err, out)
	}
	if err := inOrder(filepath.Join(s.root, "corpus", fmt.Sprint("round", round)), records); err != nil {
		return n, err
	}
	return n, os.RemoveAll(dir)
}

// inOrder holds that the objects of a folder have each record once, in order of their numbers.
func inOrder(dir string, records int) error {
	files, err := os.ReadDir(dir) // sorted by name
	if err != nil {
		return err
	}
	next := 0
	for _, f := range files {
		raw, err := os.ReadFile(filepath.Join(dir, f.Name()))
		if err != nil {
			return err
		}
		for line := range strings.Lines(string(raw)) {
			if id := idOf(line); id != strconv.Itoa(next) || !strings.HasSuffix(line, "}\n") {
				return fmt.Errorf("%s has record %.40q where %d should be", f.Name(), line, next)
			}
			next++
		}
	}
	if next != records {
		return fmt.Errorf("%d records, want %d", next, records)
	}
	return nil
}
