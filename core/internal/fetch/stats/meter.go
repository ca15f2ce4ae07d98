// The counts of one host.

package stats

import (
	"maps"
	"sync"

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

// Event counts. It is a listener.
func (m *Meter) Event(e observe.Event) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := &m.s
	switch e := e.(type) {
	case observe.Sent:
		s.Requests++
		s.InFlight++
	case observe.Connected:
		if e.Reused {
			s.Reused++
		} else {
			s.Connections++
		}
	case observe.Exchanged:
		s.exchanged(e)
	case observe.Retried:
		s.Retries[e.Cause]++
	case observe.Delayed:
		w := s.Waits[e.Cause]
		w.Count++
		w.Total += e.For
		s.Waits[e.Cause] = w
	case observe.HostDown:
		s.Outages++
	case observe.CacheAsked:
		s.Cache.add(e)
	}
}

// exchanged counts the end of an attempt.
func (s *Host) exchanged(x observe.Exchanged) {
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
}

// Read returns a copy of the counts.
func (m *Meter) Read() Host {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.s
	s.Status, s.Errors = maps.Clone(s.Status), maps.Clone(s.Errors)
	s.Retries, s.Waits = maps.Clone(s.Retries), maps.Clone(s.Waits)
	s.Protocols, s.Latency = maps.Clone(s.Protocols), s.Latency.Clone()
	return s
}
