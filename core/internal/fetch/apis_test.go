// The table of APIs, asked in virtual time: nobody is asked in a pause, hardly anything is refused,
// and what is allowed is used.

package fetch

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptrace"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/scrapekit/scrapekit/core/internal/fetch/apis"
	"github.com/scrapekit/scrapekit/core/internal/fetch/limits"
	"github.com/scrapekit/scrapekit/core/internal/fetch/trip"
	"github.com/scrapekit/scrapekit/core/internal/httppolicy"
	"github.com/scrapekit/scrapekit/sdk/reply"
)

const (
	apiWay     = 20 * time.Millisecond // there and back
	apiWorkers = 12
	// knownRefused is how much may be refused once a limit is known, in percent.
	knownRefused = 1
)

// apiWire is the wire to an API. A reply takes 20 ms; one of a limit of requests under way is
// worked on for 200 ms.
func apiWire(a apis.API, s *apis.Server) trip.Func {
	return func(req *http.Request) (*http.Response, error) {
		if trace := httptrace.ContextClientTrace(req.Context()); trace != nil {
			trace.GotConn(httptrace.GotConnInfo{Reused: true})
		}
		if err := trip.Sleep(req.Context(), apiWay/2); err != nil {
			return nil, err
		}
		status, h, text := s.Arrive(time.Now())
		if status == 200 && !strings.Contains(text, "rror") {
			if err := trip.Sleep(req.Context(), apiService(a)); err != nil {
				return nil, err
			}
			s.Leave()
		}
		if err := trip.Sleep(req.Context(), apiWay/2); err != nil {
			return nil, err
		}
		return &http.Response{StatusCode: status, Header: h, Body: io.NopCloser(strings.NewReader(text)),
			ContentLength: int64(len(text)), Request: req}, nil
	}
}

func apiService(a apis.API) time.Duration {
	if a.Kind == apis.Crowd {
		return 200 * time.Millisecond
	}
	return 0
}

// apiRun is what came of a run.
type apiRun struct {
	used, refused      float64 // percent
	late               float64 // percent refused in the second half of the run
	volley, lost       int
	inPause, latePause int // in all, and in the second half of the run
	asked              int
	took, ideal        time.Duration
}

func (r apiRun) String() string {
	return fmt.Sprintf("%6.1f %% used %3d in the first volley %6.2f %% refused later %6.2f %% in the second half "+
		"%3d in a pause %3d lost %5d "+
		"requests %6.1f s of %6.1f s", r.used, r.volley, r.refused, r.late,
		r.inPause, r.lost, r.asked, r.took.Seconds(), r.ideal.Seconds())
}

// runAPI asks for so many pages, with twelve workers.
func runAPI(t *testing.T, a apis.API, pages int) (r apiRun) {
	synctest.Test(t, func(t *testing.T) {
		s := apis.NewServer(a, time.Now())
		c := newClient(Options{}, apiWire(a, s))
		defer c.Close()
		rt := transport(t, c, httppolicy.Policy{Concurrency: apiWorkers})
		ctx, cancel := context.WithTimeout(reply.Throttled(t.Context(), a.Plugin...), 3*time.Hour)
		defer cancel()
		var wg sync.WaitGroup
		var mu sync.Mutex
		work := make(chan int)
		for range apiWorkers {
			wg.Go(func() {
				for i := range work {
					resp, text, err := ask(ctx, rt, "GET", fmt.Sprint(page, "/", i), "")
					if err != nil || resp.StatusCode != 200 || strings.Contains(text, "rror") {
						mu.Lock()
						r.lost++
						mu.Unlock()
					}
				}
			})
		}
		var taken, refused, inPause int
		for i := range pages {
			if i == pages/2 {
				taken, refused, inPause = s.Counts()
			}
			work <- i
		}
		close(work)
		wg.Wait()
		r.late = percent(s.Refused-refused, s.Taken-taken+s.Refused-refused)
		r.latePause = s.InPause - inPause
		r.took = s.LastTime.Sub(s.First)
		r.asked, r.inPause, r.refused = s.Taken+s.Refused, s.InPause, percent(s.Refused-s.Volley,
			s.Taken+s.Refused-s.Volley)
		r.volley = s.Volley
	})
	r.ideal = a.Ideal(pages, apiWorkers, apiWay, apiService(a))
	r.used = min(100, 100*r.ideal.Seconds()/r.took.Seconds())
	return r
}

// pagesOf is how many pages a run of so long as the row says can have.
func pagesOf(a apis.API) int {
	n, most := 1, cmp.Or(a.For, time.Minute)
	for n < 100_000 && a.Ideal(n, apiWorkers, apiWay, apiService(a)) < most {
		n += max(1, n/20)
	}
	return n
}

// TestAPIs prints a line for each row.
//
//	go test -run TestAPIs -v ./core/internal/fetch
//
//ci:plain
func TestAPIs(t *testing.T) {
	countsRates(t)
	for _, a := range apis.Table {
		t.Run(a.Name, func(t *testing.T) {
			t.Parallel()
			r := runAPI(t, a, pagesOf(a))
			t.Logf("%-40s %s", a.Name, r)
			used, refused := a.Goal()
			if r.used < used || r.refused > refused || r.lost > 0 || r.volley > apiWorkers {
				t.Errorf("%s: %s; want %g %% used, at most %g %% refused, none lost, and one volley", a.Name, r, used,
					refused)
			}
			// of fewer requests, one is more than that
			if pagesOf(a) > 200 && r.late > cmp.Or(a.Known, knownRefused) {
				t.Errorf("%s: %.2f %% refused in the second half, when the limit is known", a.Name, r.late)
			}
			if r.inPause > a.InPause || r.latePause > 0 {
				t.Errorf("%s: %d requests in a pause that was stated, %d in the second half", a.Name, r.inPause,
					r.latePause)
			}
		})
	}
}

var update = flag.Bool("update", false, "write the table of the manual anew")

// TestPageOfTheManual: the table of the page says what the rows say, and what is understood of
// them.
func TestPageOfTheManual(t *testing.T) {
	const file = "../../../cmd/scrapekit/docs/limits.md"
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	head, got, _ := strings.Cut(string(raw), tableHead)
	if table := manualTable(); *update {
		if err := os.WriteFile(file, []byte(head+tableHead+table), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if got != table {
		t.Errorf("%s is not what the table says; go test -run TestPageOfTheManual "+
			"./core/internal/fetch -update writes it anew", file)
	}
}

func manualTable() string {
	var b strings.Builder
	now := time.Date(2026, 6, 5, 5, 59, 30, 0, time.UTC)
	for _, a := range apis.Table {
		good, refusal := apis.Example(a, true, now), apis.Example(a, false, now)
		understood := limits.Read(200, good, now.Add(a.Skew), &limits.Clock{}).String()
		status := a.Status
		if status == 0 {
			status = 429
		}
		s := limits.Read(status, refusal, now.Add(a.Skew), &limits.Clock{})
		refused := fmt.Sprint(status)
		switch {
		case len(a.Plugin) > 0 && !s.Refuses(status, false):
			refused += ": the plugin says so"
		case s.Refuses(status, false):
			refused += ": a refusal"
		default:
			refused += ": found to be a refusal"
		}
		if s.Wait > 0 {
			refused += "; " + s.WaitFrom + " is kept"
		}
		var told []string
		for _, r := range a.Plugin {
			told = append(told, "`"+refusalText(r)+"`")
		}
		used, most := a.Goal()
		goal := fmt.Sprintf("≥ %g %%, ≤ %g %%", used, most)
		if a.Why != "" {
			goal += ": " + a.Why
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %s | %s |\n", a.Name, a.Limit, cell(a.Sent), cell(understood),
			refused, strings.Join(told, ", "), goal)
	}
	return b.String()
}

func cell(text string) string {
	if text == "" {
		return "nothing"
	}
	return strings.ReplaceAll(text, "|", "\\|")
}

// refusalText is how a plugin writes r.
func refusalText(r reply.Refusal) string {
	var parts []string
	for _, p := range []struct {
		name string
		v    any
	}{{"Status", r.Status}, {"Text", r.Text}, {"Header", r.Header}, {"Seconds", r.Seconds}, {"Pause", r.Pause},
		{"Good", r.Good}} {
		switch v := p.v.(type) {
		case int:
			if v != 0 {
				parts = append(parts, fmt.Sprintf("%s: %d", p.name, v))
			}
		case string:
			if v != "" {
				parts = append(parts, fmt.Sprintf("%s: %q", p.name, v))
			}
		case time.Duration:
			if v != 0 {
				parts = append(parts, fmt.Sprintf("%s: %d * time.Second", p.name, int(v.Seconds())))
			}
		case bool:
			if v {
				parts = append(parts, p.name+": true")
			}
		}
	}
	return "{" + strings.Join(parts, ", ") + "}"
}

const tableHead = `| API | limits | sends | understood of a reply | a refusal | what the plugin says | used, refused |
|---|---|---|---|---|---|---|
`

// TestCrowdIsKnownSoon: that a host refuses by the number of requests under way, and how many it
// takes, is known within 50 requests.
func TestCrowdIsKnownSoon(t *testing.T) {
	var hosts []apis.API
	for _, a := range apis.Table {
		if a.Kind != apis.Crowd {
			continue
		}
		for _, a.N = range []int{2, a.N, 8, 10} {
			hosts = append(hosts, a)
		}
	}
	for _, a := range hosts {
		t.Run(fmt.Sprint(a.Name, " ", a.N), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := apis.NewServer(a, time.Now())
				c := newClient(Options{}, apiWire(a, s))
				defer c.Close()
				rt := transport(t, c, httppolicy.Policy{Concurrency: apiWorkers})
				askAll := func(pages int) {
					work := make(chan int)
					var wg sync.WaitGroup
					for range apiWorkers {
						wg.Go(func() {
							for i := range work {
								if _, _, err := ask(reply.Throttled(t.Context(), a.Plugin...), rt, "GET",
									fmt.Sprint(page, "/", i), ""); err != nil {
									t.Error(err)
								}
							}
						})
					}
					for i := range pages {
						work <- i
					}
					close(work)
					wg.Wait()
				}
				askAll(50)
				asked, refused, h := s.Taken+s.Refused, s.Refused, only(t, c)
				askAll(100)
				t.Logf("%d requests, %d refused: %d at once (%s); then %d refused", asked, refused, h.Limit,
					h.LimitFrom, s.Refused-refused)
				if h.LimitFrom == "file" || h.LimitFrom == "start" || h.Limit < a.N-1 || h.Limit > a.N {
					t.Errorf("%d at once (%s), the host takes %d", h.Limit, h.LimitFrom, a.N)
				}
				if asked-50 > apiWorkers || s.Refused-refused > 1 {
					t.Errorf("%d refused of the first %d, then %d of 100", refused, asked, s.Refused-refused)
				}
			})
		})
	}
}

// TestShortWindowsInWholeSeconds: windows of one to three seconds whose reset is told in whole
// seconds, too coarse to be waited for, are used, however few requests they hold.
func TestShortWindowsInWholeSeconds(t *testing.T) {
	for i, n := range []int{1, 2, 5, 15, 1, 2, 5, 15} {
		for _, per := range []time.Duration{time.Second, 2 * time.Second, 3 * time.Second} {
			round := math.Ceil
			if i > 3 {
				round = math.Floor
			}
			a := apis.API{Kind: apis.Window, N: n, Per: per, Tell: func(h http.Header, s apis.State) string {
				h.Set("X-RateLimit-Limit", fmt.Sprint(s.Limit))
				h.Set("X-RateLimit-Remaining", fmt.Sprint(s.Left))
				h.Set("X-RateLimit-Reset", fmt.Sprint(round(s.Reset.Seconds())))
				return ""
			}}
			r := runAPI(t, a, int(40*float64(n)/per.Seconds()))
			if t.Logf("%d in %s: %s", n, per, r); r.used < 85 || r.refused > 2 {
				t.Errorf("%d in %s: %s", n, per, r)
			}
		}
	}
}
