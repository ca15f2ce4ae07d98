// Statistics of the requests, for assertions of tests.

package jiratest

import (
	"maps"
	"sync"
)

// Stats counts the requests so far.
type Stats struct {
	Requests int
	// Routes counts by route, such as "GET /rest/api/2/search", and status. Status 0 is a reply
	// that was never begun, such as a reset.
	Routes  map[string]map[int]int
	Limited int            // replies with 429
	Faults  map[string]int // injected faults by kind
	Peak    int            // most concurrent requests
}

type counters struct {
	mu       sync.Mutex
	stats    Stats
	inFlight int
}

func newCounters() *counters {
	return &counters{stats: Stats{Routes: map[string]map[int]int{}, Faults: map[string]int{}}}
}

// start counts a request as started; the function that it returns counts it as ended.
func (c *counters) start(route string) func(status int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stats.Requests++
	c.inFlight++
	c.stats.Peak = max(c.stats.Peak, c.inFlight)
	return func(status int) {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.inFlight--
		if status == 429 {
			c.stats.Limited++
		}
		if c.stats.Routes[route] == nil {
			c.stats.Routes[route] = map[int]int{}
		}
		c.stats.Routes[route][status]++
	}
}

func (c *counters) fault(kind string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stats.Faults[kind]++
}

// Stats returns a copy of the counts.
func (s *Server) Stats() Stats {
	s.stats.mu.Lock()
	defer s.stats.mu.Unlock()
	out := s.stats.stats
	out.Faults = maps.Clone(out.Faults)
	out.Routes = make(map[string]map[int]int, len(s.stats.stats.Routes))
	for route, statuses := range s.stats.stats.Routes {
		out.Routes[route] = maps.Clone(statuses)
	}
	return out
}
