// metered counts the attempts of each host.

package fetch

import (
	"fmt"
	"maps"
	"net/http"
	"sync"
	"time"

	"github.com/scrapekit/scrapekit/core/internal/fetch/body"
	"github.com/scrapekit/scrapekit/core/internal/fetch/fault"
	"github.com/scrapekit/scrapekit/core/internal/fetch/limits"
	"github.com/scrapekit/scrapekit/core/internal/fetch/trip"
	"github.com/scrapekit/scrapekit/core/internal/fetch/wire"
)

func metered() trip.Decorator {
	return func(next http.RoundTripper) http.RoundTripper {
		return trip.Func(func(req *http.Request) (*http.Response, error) {
			ex := exchangeOf(req)
			m := ex.host.meter
			m.count(func(s *HostStats) { s.Requests++; s.InFlight++; s.BytesOut += int64(len(ex.Body)) })
			at := wire.Attempt{Connected: m.connected}
			began := time.Now()
			resp, err := next.RoundTrip(req.WithContext(wire.Watch(req.Context(), &at)))
			ex.firstByte = at.FirstByte
			took := time.Since(began)
			m.count(func(s *HostStats) {
				s.InFlight--
				if err != nil {
					s.Errors[fault.JudgeError(err).Cause]++
					return
				}
				s.Latency.add(took)
				s.Status[resp.StatusCode]++
				if resp.Proto != "" {
					s.Protocols[resp.Proto]++
				}
				if b, ok := resp.Body.(*body.Body); ok { // whole is next
					s.BytesIn += b.Wire()
					s.BytesDecoded += b.Size()
				}
			})
			if resp != nil { // failures are told by the retries
				ex.Explain("reply", func() string { return replyText(resp, took) })
			}
			return resp, err
		})
	}
}

// replyText says what came.
func replyText(resp *http.Response, took time.Duration) string {
	sizes := "an empty body"
	if b, ok := resp.Body.(*body.Body); ok && b.Size() > 0 {
		sizes = fmt.Sprintf("%d bytes", b.Size())
		if resp.Uncompressed {
			sizes = fmt.Sprintf("%d bytes, which travelled as %d", b.Size(), b.Wire())
		}
	}
	return fmt.Sprintf("%s over %s after %s with %s", fault.StatusText(resp.StatusCode), resp.Proto, limits.Short(took), sizes)
}

// meter holds the counts of one host.
type meter struct {
	mu sync.Mutex
	s  HostStats
}

func newMeter() *meter {
	return &meter{s: HostStats{
		Status: map[int]int64{}, Errors: map[string]int64{}, Retries: map[string]int64{}, Waits: map[string]WaitStats{},
		Protocols: map[string]int64{},
	}}
}

func (m *meter) count(change func(*HostStats)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	change(&m.s)
}

// connected counts a request that got its connection.
func (m *meter) connected(reused bool) {
	m.count(func(s *HostStats) {
		if reused {
			s.Reused++
		} else {
			s.Connections++
		}
	})
}

// waited adds a wait. Less than a millisecond is not a wait.
func (m *meter) waited(cause string, d time.Duration) {
	if d < time.Millisecond {
		return
	}
	m.count(func(s *HostStats) {
		w := s.Waits[cause]
		w.Count++
		w.Total += d
		s.Waits[cause] = w
	})
}

// waitedFor adds a wait for a place and a turn, by cause.
func (m *meter) waitedFor(causes [len(waitCauses)]time.Duration) {
	for i, cause := range waitCauses {
		m.waited(cause, causes[i])
	}
}

// split divides a wait for a place and a turn among the causes that held it back: as each grew between two readings.
func split(d time.Duration, before, after [len(waitCauses)]time.Duration) (parts [len(waitCauses)]time.Duration) {
	var all time.Duration
	for i := range before {
		all += after[i] - before[i]
	}
	if all <= 0 || d < time.Millisecond {
		return parts
	}
	for i := range parts {
		parts[i] = time.Duration(float64(d) * float64(after[i]-before[i]) / float64(all))
	}
	return parts
}

func (m *meter) stats() HostStats {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.s
	s.Status, s.Errors = maps.Clone(s.Status), maps.Clone(s.Errors)
	s.Retries, s.Waits = maps.Clone(s.Retries), maps.Clone(s.Waits)
	s.Protocols, s.Latency = maps.Clone(s.Protocols), s.Latency.clone()
	return s
}
