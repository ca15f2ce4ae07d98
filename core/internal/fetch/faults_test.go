// A thousand hosts that go wrong, each in its own way: every scenario ends with all records, or
// with a clear error for each page that is missing. Never a hang, never a wrong record.

package fetch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"maps"
	"math/rand/v2"
	"net/http"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/scrapekit/scrapekit/core/internal/credential"
	"github.com/scrapekit/scrapekit/core/internal/fetch/faulttest"
	"github.com/scrapekit/scrapekit/core/internal/fetch/origin"
	"github.com/scrapekit/scrapekit/core/internal/fetch/trip"
	"github.com/scrapekit/scrapekit/core/internal/httppolicy"
	"github.com/scrapekit/scrapekit/sdk"
	"github.com/scrapekit/scrapekit/sdk/reply"
	"github.com/scrapekit/scrapekit/sdk/sdktest/crashtest"
)

// scenarios is how many seeds are tried; SCRAPEKIT_SCENARIOS sets another number, SCRAPEKIT_SEED a
// single seed.
func scenarios(t *testing.T) []uint64 {
	if s := os.Getenv("SCRAPEKIT_SEED"); s != "" {
		seed, err := strconv.ParseUint(s, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		return []uint64{seed}
	}
	n := 1000
	if crashtest.Raced || testing.Short() {
		n = 200
	}
	if s := os.Getenv("SCRAPEKIT_SCENARIOS"); s != "" {
		var err error
		if n, err = strconv.Atoi(s); err != nil {
			t.Fatal(err)
		}
	}
	seeds := make([]uint64, n)
	for i := range seeds {
		seeds[i] = uint64(i + 1)
	}
	return seeds
}

// TestMain keeps net/http quiet, which logs what a host sends unasked.
func TestMain(m *testing.M) {
	log.SetOutput(io.Discard)
	os.Exit(m.Run())
}

func TestScenarios(t *testing.T) {
	t.Parallel()
	faulttest.Roots() // outside of the bubbles
	var mu sync.Mutex
	happened, ends := map[string]int{}, map[string]int{}
	t.Run("seeds", func(t *testing.T) {
		seeds := scenarios(t)
		for chunk := range slices.Chunk(seeds, len(seeds)/4+1) {
			t.Run(fmt.Sprint("from ", chunk[0]), func(t *testing.T) {
				t.Parallel()
				for _, seed := range chunk {
					synctest.Test(t, func(t *testing.T) {
						s := faulttest.New(seed)
						missing := play(t, s)
						mu.Lock()
						defer mu.Unlock()
						ends["pages"] += s.Pages
						ends["missing"] += missing
						if missing > 0 {
							ends["scenarios with errors"]++
						}
						for name, n := range s.Happened() {
							happened[name] += n
						}
					})
				}
			})
		}
	})
	t.Logf("%v; %d kinds of faults", ends, len(happened))
	for _, name := range slices.Sorted(maps.Keys(happened)) {
		t.Logf("%6d × %s", happened[name], name)
	}
}

// TestEveryFault plays each fault by itself: one that passes costs no record.
func TestEveryFault(t *testing.T) {
	t.Parallel()
	faulttest.Roots()
	clear := []string{ // what only a person or the plugin can mend
		"unframed cut", "length too small", "redirect loop", "redirect away", "redirect garbage", "gzip bomb",
		"zstd bomb", "nested bomb", "length of a bomb",
		"body without end", "huge head", "interim without end", "304 unasked", "204", "login page", "unauthorized",
	}
	for _, name := range faulttest.Faults() {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := faulttest.New(1)
				s.Only, s.Rate, s.Most, s.Hopeless, s.TLS, s.Pages = name, 1, 1, -1, false, 8
				if missing := play(t, s); missing > 0 && !slices.Contains(clear, name) {
					t.Errorf("%d pages are missing", missing)
				}
			})
		})
	}
}

// play reads all pages as a source does, four at a time, and checks what comes. It returns how many
// are missing.
func play(t *testing.T, s *faulttest.Server) (missing int) {
	wire := newWire()
	wire.DialContext, wire.ForceAttemptHTTP2 = countedDial(s.Dial), false
	wire.TLSClientConfig.RootCAs = faulttest.Roots()
	c := newClient(Options{}, wire)
	r := rand.New(rand.NewPCG(s.Seed, 9))
	scheme := "http://"
	if s.TLS {
		scheme = "https://"
	}
	dir := os.TempDir()
	rt := transport(t, c, httppolicy.Policy{
		Allow: []origin.Origin{mustOrigin(t, scheme+faulttest.Host)}, Concurrency: 1 + r.IntN(8),
		Attempts: 1 + r.IntN(8),
		MaxBody:  1 << 20, SpoolDir: dir,
		Auth: []credential.Credential{{Scheme: "bearer", Value: credential.Bearer{Token: "hunter2-hunter2"},
			Origins: []origin.Origin{mustOrigin(t, scheme+faulttest.Host)}}},
	})
	ctx, cancel := context.WithTimeout(t.Context(), 48*time.Hour)
	defer cancel()
	start := time.Now()
	var mu sync.Mutex
	var wg sync.WaitGroup
	work := make(chan int)
	for range 4 {
		wg.Go(func() {
			for n := range work {
				err := readPage(ctx, &http.Client{Transport: rt}, s,
					fmt.Sprintf("%s%s/page/%d", scheme, faulttest.Host, n), n)
				if err != nil {
					mu.Lock()
					missing++
					mu.Unlock()
					checkError(t, s, n, err)
				}
			}
		})
	}
	for n := range s.Pages {
		work <- n
	}
	close(work)
	wg.Wait()
	if ctx.Err() != nil {
		t.Errorf("seed %d: not done after %s", s.Seed, time.Since(start))
	}
	if st := only(t, c); st.InFlight != 0 {
		t.Errorf("seed %d: %d requests are in flight", s.Seed, st.InFlight)
	}
	c.Close()
	cancel()
	time.Sleep(24 * time.Hour) // the slowest host finds out
	return missing
}

// readPage reads a page as the pipeline reads a split: a few times, if the error may pass.
func readPage(ctx context.Context, c *http.Client, s *faulttest.Server, url string, n int) (err error) {
	for try := range 3 {
		if err = readOnce(ctx, c, s, url, n); err == nil || sdk.IsPermanent(err) || errors.As(err, new(wrongRecord)) {
			return err
		}
		if err := trip.Sleep(ctx, max(sdk.RetryDelay(err), time.Second<<try)); err != nil {
			return err
		}
	}
	return err
}

func readOnce(ctx context.Context, c *http.Client, s *faulttest.Server, url string, n int) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	resp, err := c.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		return fmt.Errorf("a body that fails after its head: %w", wrongRecord(err.Error()))
	}
	if resp.StatusCode != 200 {
		return fmt.Errorf("GET %s: %s %s", url, resp.Status, reply.GaveUp(resp))
	}
	var page faulttest.Page
	if err := json.Unmarshal(raw, &page); err != nil {
		return fmt.Errorf("GET %s: reply: %w", url, err)
	}
	if !reflect.DeepEqual(page, s.Page(n)) {
		return wrongRecord(fmt.Sprintf("page %d came for page %d", page.Page, n))
	}
	return nil
}

type wrongRecord string

func (w wrongRecord) Error() string { return string(w) }

// checkError fails if err is not one that a person can act on.
func checkError(t *testing.T, s *faulttest.Server, n int, err error) {
	text := strings.ToLower(err.Error())
	var wrong wrongRecord
	switch {
	case errors.As(err, &wrong):
		t.Errorf("seed %d: page %d: WRONG: %v", s.Seed, n, err)
	case strings.Contains(text, "hunter2"):
		t.Errorf("seed %d: page %d: a secret: %v", s.Seed, n, err)
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		t.Errorf("seed %d: page %d: a hang: %v", s.Seed, n, err)
	case !strings.Contains(text, "get") || !strings.Contains(text, ".example") || len(text) < 30 || len(text) > 2000:
		t.Errorf("seed %d: page %d: not clear: %v", s.Seed, n, err)
	}
	if os.Getenv("SCRAPEKIT_SEED") != "" {
		t.Logf("page %d: %v", n, err)
	}
}
