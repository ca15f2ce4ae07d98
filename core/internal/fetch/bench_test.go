package fetch

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/scrapekit/scrapekit/core/internal/fetch/origin"
	"github.com/scrapekit/scrapekit/core/internal/httppolicy"
)

// BenchmarkLatency is a host that takes 50 ms, asked by 16 at a time: at best 320 requests a
// second.
func BenchmarkLatency(b *testing.B) {
	bench(b, 50*time.Millisecond, strings.Repeat("x", 10<<10))
}

// BenchmarkFullSpeed is what the decorators cost, with pages of 10 KB and of 1 MB.
func BenchmarkFullSpeed(b *testing.B) {
	b.Run("10KB", func(b *testing.B) { bench(b, 0, strings.Repeat("x", 10<<10)) })
	b.Run("1MB", func(b *testing.B) { bench(b, 0, strings.Repeat("x", 1<<20)) })
}

// BenchmarkBare is a plain http.Client doing the same.
func BenchmarkBare(b *testing.B) {
	for name, size := range map[string]int{"10KB": 10 << 10, "1MB": 1 << 20} {
		b.Run(name, func(b *testing.B) {
			s := page16(b, 0, strings.Repeat("x", size))
			wire := newWire()
			defer wire.CloseIdleConnections()
			drive(b, wire, s.URL)
		})
	}
}

func bench(b *testing.B, latency time.Duration, body string) {
	s := page16(b, latency, body)
	c := New(Options{})
	defer c.Close()
	rt, err := c.For(httppolicy.Policy{Plugin: "bench", Allow: []origin.Origin{mustOrigin(b, s.URL)}, Concurrency: 16})
	if err != nil {
		b.Fatal(err)
	}
	drive(b, rt, s.URL)
	st := c.Stats().Hosts[0]
	b.ReportMetric(100*float64(st.Reused)/float64(st.Requests), "%reused")
}

func page16(b *testing.B, latency time.Duration, body string) *httptest.Server {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		time.Sleep(latency)
		io.WriteString(w, body)
	}))
	b.Cleanup(s.Close)
	return s
}

// drive makes b.N requests from 16 goroutines.
func drive(b *testing.B, rt http.RoundTripper, url string) {
	b.ReportAllocs()
	b.ResetTimer()
	work := make(chan struct{})
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			for range work {
				req, err := http.NewRequestWithContext(b.Context(), http.MethodGet, url, nil)
				if err != nil {
					b.Error(err)
					continue
				}
				resp, err := rt.RoundTrip(req)
				if err != nil {
					b.Error(err)
					continue
				}
				if _, err := io.Copy(io.Discard, resp.Body); err != nil {
					b.Error(err)
				}
				resp.Body.Close()
			}
		})
	}
	for range b.N {
		work <- struct{}{}
	}
	close(work)
	wg.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "requests/s")
}
