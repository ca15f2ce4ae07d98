// Files on an object store: the run is killed while objects grow, and requests go wrong.

//go:build linux

package e2e

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

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

// store is an object store whose requests go wrong.
type store struct {
	filesinktest.S3
	server               *httptest.Server
	requests, ill, parts atomic.Int64
}

func newStore(t *testing.T) *store {
	t.Helper()
	s := &store{S3: filesinktest.S3{Root: t.TempDir(), MinPart: 5 << 20}}
	s.Fault = func(r *http.Request) string {
		if r.URL.Query().Has("partNumber") {
			s.parts.Add(1)
		}
		fault := ""
		switch n := s.requests.Add(1); {
		case n%9 == 4:
			fault = filesinktest.Landed
		case n%9 == 7:
			fault = filesinktest.NotLanded
		case n%40 == 20:
			fault = filesinktest.SlowDown
		default:
			return ""
		}
		s.ill.Add(1)
		return fault
	}
	s.server = httptest.NewServer(s)
	t.Cleanup(s.server.Close)
	return s
}

// growingIn writes a pipeline whose files are on a store, and which commits as often as it can.
func (b tools) growingIn(dir, bucket string, s *store, round, records int) (file string, err error) {
	file = filepath.Join(dir, "p.hcl")
	way := growing[round%len(growing)]
	text := fmt.Sprintf(`pipeline {
  commit_every = "40ms"
  commit_bytes = "1B"
  required_plugins {
    steady = { source = %q }
  }
}
source "steady" {
  records = %d
  every   = 8
  pad     = %d
}
sink "jsonl" {
  path     = "s3://%s/x/{stream}.jsonl"
  endpoint = %q
  %s
}
`, b.path("steady"), records, way.pad, bucket, s.server.URL, way.sink)
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
	b := needTools(t)
	all, seed := number(t, "SCRAPEKIT_KILLS", 20), number(t, "SCRAPEKIT_SEED", 1)
	random := rand.New(rand.NewPCG(uint64(seed), 5))
	landed, s := map[string]int{}, newStore(t)
	for total, round := 0, 0; total < all; round++ {
		n, err := b.growingRound(t.Context(), t.TempDir(), s, round, random, landed)
		if err != nil {
			t.Fatalf("seed %d, round %d, after %d kills: %v", seed, round, total, err)
		}
		total += n
	}
	t.Logf("kills %v; %d of %d requests went wrong, %d were for parts", landed, s.ill.Load(), s.requests.Load(),
		s.parts.Load())
	if all >= 20 && (len(landed) < 3 || s.ill.Load() < 20 || s.parts.Load() < 4) {
		t.Error("the test proves less than it says")
	}
}

// growingRound runs a pipeline to its end, with at most six kills, and returns how many landed.
func (b tools) growingRound(ctx context.Context, dir string, s *store, round int, random *rand.Rand,
	landed map[string]int) (n int, err error) {
	const records, most = 320, 6
	bucket := fmt.Sprint("round", round)
	file, err := b.growingIn(dir, bucket, s, round, records)
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
	if err := inOrder(filepath.Join(s.Root, bucket, "x"), records); err != nil {
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
