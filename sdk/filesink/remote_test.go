// Files on an object store: kills, lost replies and refusals at every request, against a model.

package filesink

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/scrapekit/scrapekit/sdk"
	"github.com/scrapekit/scrapekit/sdk/filesink/filesinktest"
)

// bucket is a store, and a host's part in writing to it.
type bucket struct {
	*testing.T
	store   *filesinktest.Objects
	url     string
	private string
	options Options
	sink    *sink
	start   sdk.Start
}

const smallParts = 100

// onEach runs a test on each kind of store.
func onEach(t *testing.T, test func(t *testing.T, scheme string)) {
	t.Helper()
	for _, scheme := range []string{"s3", "gs", "az"} {
		t.Run(scheme, func(t *testing.T) {
			t.Parallel()
			test(t, scheme)
		})
	}
}

func newBucket(t *testing.T, scheme string, o Options) *bucket {
	t.Helper()
	store := &filesinktest.Objects{Root: t.TempDir(), Scheme: scheme, MinPart: smallParts}
	b := &bucket{T: t, store: store, private: t.TempDir(), options: o}
	server := httptest.NewServer(b.store)
	t.Cleanup(server.Close)
	b.url = server.URL
	b.options.Path, b.options.Store.Endpoint = scheme+"://bucket/"+o.Path, server.URL
	b.start = sdk.Start{Pipeline: "p", Run: "r1", Started: day, Dir: b.private,
		Streams: []sdk.Stream{{Name: "a"}, {Name: "b"}}}
	t.Cleanup(b.kill)
	return b
}

func (b *bucket) kill() {
	if b.sink != nil {
		b.sink.Abandon()
	}
}

func (b *bucket) open() error {
	b.kill()
	s, err := newSink(b.options)
	if err != nil {
		return err
	}
	s.remote.parts = smallParts
	b.sink = s
	return s.Open(b.host(), b.start)
}

// host is the context of a call. What the host tries again by itself comes to the sink at once.
func (b *bucket) host() context.Context {
	return sdk.Host{Transport: &http.Transport{DisableKeepAlives: true}}.In(b.Context())
}

func (b *bucket) must(err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

// write writes records of some length.
func (b *bucket) write(stream string, lines ...string) {
	b.Helper()
	b.must(b.sink.Write(b.host(), batch(stream, lines...)))
}

func (b *bucket) commit() {
	b.Helper()
	b.must(b.tryCommit())
}

func (b *bucket) tryCommit() error {
	token, err := b.sink.Commit(b.host())
	if err == nil {
		b.start.Token, b.start.Resume, b.start.Full = token, true, false
	}
	return err
}

func (b *bucket) finish() error { return b.sink.Finish(b.host(), sdk.End{Run: b.start.Run}) }

// next begins another run.
func (b *bucket) next(run string) {
	b.Helper()
	b.start.Run, b.start.Resume = run, false
	b.must(b.open())
}

// objects are the names and contents of all that can be seen.
func (b *bucket) objects() map[string]string {
	b.Helper()
	out := map[string]string{}
	root := filepath.Join(b.store.Root, "bucket")
	b.must(filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
		if errors.Is(err, os.ErrNotExist) {
			return nil
		}
		if err != nil || d.IsDir() {
			return err
		}
		raw, err := os.ReadFile(path)
		rel, _ := filepath.Rel(root, path)
		out[filepath.ToSlash(rel)] = string(raw)
		return err
	}))
	return out
}

func (b *bucket) holds(want map[string]string) {
	b.Helper()
	if got := b.objects(); fmt.Sprint(got) != fmt.Sprint(want) {
		b.Errorf("got  %v\nwant %v", got, want)
	}
}

func TestVisibleAtTheEnd(t *testing.T) { t.Parallel(); onEach(t, visibleAtTheEnd) }

func visibleAtTheEnd(t *testing.T, scheme string) {
	t.Helper()
	b := newBucket(t, scheme, Options{Path: "x/{stream}.jsonl"})
	b.must(b.open())
	long := strings.Repeat("l", 3*smallParts)
	b.write("a", long)
	b.write("b", "1")
	b.commit()
	b.commit()
	b.holds(map[string]string{})
	if b.store.Open() != 1 {
		t.Error("what is committed is not sent before the end")
	}
	b.write("a", "2")
	b.must(b.open()) // not committed
	b.must(b.finish())
	first := map[string]string{"x/a.jsonl": long + "\n", "x/b.jsonl": "1\n"}
	b.holds(first)
	b.must(b.finish()) // once more
	b.must(b.open())
	b.must(b.finish())
	b.holds(first)

	// The next run begins new objects.
	b.next("r2")
	b.write("a", "3")
	b.commit()
	b.must(b.finish())
	second := map[string]string{"x/a.jsonl": long + "\n", "x/b.jsonl": "1\n", "x/a-00001.jsonl": "3\n"}
	b.holds(second)

	// A full run removes what all runs have written, and nothing else.
	b.store.Foreign("/bucket/x/b-other.jsonl")
	b.start.Full = true
	b.next("r3")
	b.holds(map[string]string{"x/b-other.jsonl": "foreign\n"})
	b.write("b", "4")
	b.commit()
	b.must(b.finish())
	b.holds(map[string]string{"x/b-other.jsonl": "foreign\n", "x/b.jsonl": "4\n"})
}

func TestVisibleWithEachCommit(t *testing.T) { t.Parallel(); onEach(t, visibleWithEachCommit) }

func visibleWithEachCommit(t *testing.T, scheme string) {
	t.Helper()
	b := newBucket(t, scheme, Options{Path: "{stream}.jsonl", Store: Store{Visible: "commit"}})
	b.must(b.open())
	b.write("a", "1")
	b.commit()
	b.holds(map[string]string{})
	b.write("a", "2") // the host has kept the token
	b.commit()
	b.holds(map[string]string{"a-00001.jsonl": "1\n"})
	b.write("a", "3")
	b.must(b.open())
	b.write("a", "4")
	b.commit()
	b.must(b.finish())
	b.holds(map[string]string{"a-00001.jsonl": "1\n", "a-00002.jsonl": "2\n", "a-00003.jsonl": "4\n"})
	left, err := filepath.Glob(filepath.Join(b.private, "objects", "r1", "*.jsonl"))
	if err != nil || len(left) > 2 {
		t.Errorf("the private folder still holds %v (%v)", left, err)
	}
}

func TestRemoteOverwrites(t *testing.T) { t.Parallel(); onEach(t, remoteOverwrites) }

func remoteOverwrites(t *testing.T, scheme string) {
	t.Helper()
	b := newBucket(t, scheme, Options{Path: "{stream}.jsonl", Mode: "overwrite", RotateSize: "5B"})
	b.must(b.open())
	b.write("a", "first")
	b.write("a", "second")
	b.write("b", "third")
	b.commit()
	b.commit()
	b.holds(map[string]string{})
	b.must(b.finish())
	before := map[string]string{"a-00001.jsonl": "first\n", "a-00002.jsonl": "second\n", "b-00001.jsonl": "third\n"}
	b.holds(before)
	b.next("r2")
	b.commit()
	b.must(b.finish())
	b.holds(before) // a run without records replaces nothing
	b.next("r3")
	b.write("a", "new")
	b.commit()
	b.holds(before)
	b.must(b.finish())
	b.holds(map[string]string{"a-00001.jsonl": "new\n"})
}

// TestRunThatWasNotFinished: the next run completes what it finds.
func TestRunThatWasNotFinished(t *testing.T) { t.Parallel(); onEach(t, runThatWasNotFinished) }

func runThatWasNotFinished(t *testing.T, scheme string) {
	t.Helper()
	b := newBucket(t, scheme, Options{Path: "{stream}.jsonl"})
	b.must(b.open())
	b.write("a", "1")
	b.commit()
	b.write("a", "2") // and killed
	b.next("r2")
	b.holds(map[string]string{"a.jsonl": "1\n"})
	b.must(b.open()) // killed before its first commit
	b.write("a", "3")
	b.commit()
	b.must(b.finish())
	b.holds(map[string]string{"a.jsonl": "1\n", "a-00001.jsonl": "3\n"})
}

func TestForeignObjects(t *testing.T) { t.Parallel(); onEach(t, foreignObjects) }

func foreignObjects(t *testing.T, scheme string) {
	t.Helper()
	b := newBucket(t, scheme, Options{Path: "{stream}.jsonl"})
	b.must(b.open())
	b.write("a", "1")
	b.commit()
	b.store.Fault = func(r *http.Request) string {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			return filesinktest.ForeignPut
		}
		return ""
	}
	if err := b.finish(); !sdk.IsPermanent(err) || !strings.Contains(err.Error(), "written by something else") {
		t.Errorf("got %v", err)
	}
	b.holds(map[string]string{"a.jsonl": "foreign\n"})
	b.store.Fault = nil
	b.start.Full = true
	b.start.Run, b.start.Resume = "r2", false
	if err := b.open(); !sdk.IsPermanent(err) || !strings.Contains(err.Error(), "move it away") {
		t.Errorf("got %v", err)
	}
	b.holds(map[string]string{"a.jsonl": "foreign\n"})
}

// TestUploadIsGone: somebody ends uploads that are old, and a store wants some anew.
func TestUploadIsGone(t *testing.T) { t.Parallel(); onEach(t, uploadIsGone) }

func uploadIsGone(t *testing.T, scheme string) {
	t.Helper()
	completes, faults := http.MethodPost, []string{filesinktest.UploadEnded, filesinktest.Conflict}
	if scheme != "s3" {
		completes, faults = http.MethodPut, faults[:1]
	}
	for _, fault := range faults {
		b := newBucket(t, scheme, Options{Path: "{stream}.jsonl"})
		b.must(b.open())
		long := strings.Repeat("l", 3*smallParts)
		b.write("a", long)
		b.commit()
		b.commit()
		b.store.Fault = func(r *http.Request) string {
			if r.Method == completes {
				b.store.Fault = nil
				return fault
			}
			return ""
		}
		b.must(b.finish())
		b.holds(map[string]string{"a.jsonl": long + "\n"})
	}
}

// TestRemoteCheck leaves nothing behind.
func TestRemoteCheck(t *testing.T) { t.Parallel(); onEach(t, remoteCheck) }

func remoteCheck(t *testing.T, scheme string) {
	t.Helper()
	b := newBucket(t, scheme, Options{Path: "x/{stream}.jsonl"})
	for _, unconditional := range []bool{false, true} {
		b.store.Unconditional = unconditional
		s, err := newSink(b.options)
		b.must(err)
		b.must(s.Check(b.host()))
	}
	b.holds(map[string]string{})
}

// remoteSeeds and remoteSeed choose the walks of TestRemoteWalk.
const (
	remoteSeeds = "FILESINK_REMOTE_SEEDS"
	remoteSeed  = "FILESINK_REMOTE_SEED"
)

func seeds(t *testing.T, byDefault int) []uint64 {
	t.Helper()
	if one := os.Getenv(remoteSeed); one != "" {
		n, err := strconv.ParseUint(one, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		return []uint64{n}
	}
	if many := os.Getenv(remoteSeeds); many != "" {
		n, err := strconv.Atoi(many)
		if err != nil {
			t.Fatal(err)
		}
		byDefault = n
	}
	var out []uint64
	for i := range byDefault {
		out = append(out, uint64(i))
	}
	return out
}

// TestRemoteWalk: whatever becomes of requests and processes, in the end each record is there once.
func TestRemoteWalk(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]Options{
		"end":       {Path: "{stream}.jsonl"},
		"rotated":   {Path: "{stream}.jsonl", RotateSize: "250B"},
		"commit":    {Path: "{stream}.jsonl", Store: Store{Visible: "commit"}},
		"overwrite": {Path: "{stream}.jsonl", Mode: "overwrite", RotateSize: "250B"},
		"gzip":      {Path: "{stream}.jsonl.gz"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			onEach(t, func(t *testing.T, scheme string) {
				t.Helper()
				faults := 0
				for _, seed := range seeds(t, 3) {
					faults += walk(t, seed, scheme, o)
				}
				if faults < 10 {
					t.Errorf("only %d requests went wrong: the test proves less than it says", faults)
				}
			})
		})
	}
}

// walk is the life of three runs. It returns how many requests went wrong.
func walk(t *testing.T, seed uint64, scheme string, o Options) int {
	t.Helper()
	random := rand.New(rand.NewPCG(seed, 7))
	b := newBucket(t, scheme, o)
	faults, every := 0, 2+random.IntN(6)
	troubles := rand.New(rand.NewPCG(seed, 8)) // of the store, which answers in goroutines of its own
	b.store.Fault = func(*http.Request) string {
		if troubles.IntN(every+faults/20) > 0 { // fewer with time, so that each walk ends
			return ""
		}
		faults++
		return []string{filesinktest.NotLanded, filesinktest.Landed, filesinktest.Landed,
			filesinktest.SlowDown}[troubles.IntN(4)]
	}
	record, all := 0, map[string][]string{}
	for run := range 3 {
		b.start.Run, b.start.Resume = fmt.Sprint("r", run), false
		before := all
		if o.Mode == "overwrite" {
			all = map[string][]string{}
		}
		b.again(b.open)
		kept := map[string]int{}
		committed := func() {
			for stream, records := range all {
				kept[stream] = len(records)
			}
		}
		committed()
		back := func() error {
			for stream := range all {
				all[stream] = all[stream][:kept[stream]]
			}
			return b.open()
		}
		for range 12 {
			switch random.IntN(5) {
			case 0:
				b.again(back) // killed
			case 1, 2:
				if b.tryCommit() != nil {
					b.again(back)
					continue
				}
				committed()
			default:
				stream := []string{"a", "b"}[random.IntN(2)]
				for range random.IntN(40) {
					record++
					line := fmt.Sprintf("record %d of %s", record, stream)
					b.write(stream, line)
					all[stream] = append(all[stream], line)
				}
			}
		}
		if b.tryCommit() != nil {
			b.again(func() error {
				if err := back(); err != nil {
					return err
				}
				return b.tryCommit()
			})
		}
		committed()
		finished := 0
		b.again(func() error {
			if finished++; finished > 1 || random.IntN(2) == 0 {
				if err := b.open(); err != nil {
					return err
				}
			}
			return b.finish()
		})
		if len(all["a"])+len(all["b"]) == 0 {
			all = before
		}
		b.has(seed, all)
	}
	return faults
}

// again does what a host does after an error: it tries again.
func (b *bucket) again(f func() error) {
	b.Helper()
	var err error
	for range 300 {
		if err = f(); err == nil {
			return
		}
		if sdk.IsPermanent(err) {
			break
		}
	}
	b.Fatal(err)
}

// has expects each record once, and in order.
func (b *bucket) has(seed uint64, want map[string][]string) {
	b.Helper()
	root := filepath.Join(b.store.Root, "bucket")
	for _, stream := range []string{"a", "b"} {
		var got []string
		if _, err := os.Stat(root); err == nil {
			got = filesinktest.StreamLines(b.T, root, stream)
		}
		slices.Sort(got)
		if records := slices.Sorted(slices.Values(want[stream])); !slices.Equal(got, records) {
			b.Fatalf("seed %d (%s=%d): stream %s holds %d records, want %d\n%v", seed, remoteSeed, seed, stream,
				len(got),
				len(records), b.objects())
		}
	}
}
