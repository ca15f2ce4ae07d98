// The counts of one host.

package stats

import (
	"maps"
	"sync"
	"time"

	"github.com/scrapekit/scrapekit/core/observe"
)

// Meter holds the counts of one host.
type Meter struct {
	mu sync.Mutex
	s  Host
}

// NewMeter returns a meter at zero.
func NewMeter() *Meter {
	return &Meter{s: Host{
		Status: map[int]int64{}, Errors: map[string]int64{}, Retries: map[string]int64{}, Waits: map[string]Waits{},
		Protocols: map[string]int64{},
	}}
}

// Count changes the counts.
func (m *Meter) Count(change func(*Host)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	change(&m.s)
}

// Began counts an attempt that is sent. Event counts its end.
func (m *Meter) Began() {
	m.Count(func(s *Host) { s.Requests++; s.InFlight++ })
}

// Event counts the end of an attempt. It is a listener.
func (m *Meter) Event(e observe.Event) {
	x, ok := e.(observe.Exchanged)
	if !ok {
		return
	}
	m.Count(func(s *Host) {
		s.InFlight--
		s.BytesOut += x.BytesOut
		if x.Err != "" {
			s.Errors[x.Err]++
			return
		}
		s.Status[x.Status]++
		s.Latency.Add(x.Took)
		s.BytesIn += x.BytesIn
		s.BytesDecoded += x.Decoded
		if x.Protocol != "" {
			s.Protocols[x.Protocol]++
		}
	})
}

// Connected counts a request that received its connection.
func (m *Meter) Connected(reused bool) {
	m.Count(func(s *Host) {
		if reused {
			s.Reused++
		} else {
			s.Connections++
		}
	})
}

// Waited counts a wait of at least a millisecond.
func (m *Meter) Waited(cause string, d time.Duration) {
	if d < time.Millisecond {
		return
	}
	m.Count(func(s *Host) {
		w := s.Waits[cause]
		w.Count++
		w.Total += d
		s.Waits[cause] = w
	})
}

// Read returns a copy of the counts.
func (m *Meter) Read() Host {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.s
	s.Status, s.Errors = maps.Clone(s.Status), maps.Clone(s.Errors)
	s.Retries, s.Waits = maps.Clone(s.Retries), maps.Clone(s.Waits)
	s.Protocols, s.Latency = maps.Clone(s.Protocols), s.Latency.clone()
	return s
}
