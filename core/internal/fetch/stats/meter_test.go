package stats

import (
	"reflect"
	"testing"
	"time"

	"github.com/scrapekit/scrapekit/core/observe"
)

// A meter sums up the events of requests, and ignores others.
func TestMeter(t *testing.T) {
	t.Parallel()
	m := NewMeter()
	for range 3 {
		m.Event(observe.Sent{})
	}
	m.Event(observe.Exchanged{Status: 200, Protocol: "HTTP/2.0", BytesOut: 1, BytesIn: 20, Decoded: 300,
		Took: time.Second})
	m.Event(observe.Exchanged{Err: "timeout", BytesOut: 2, Took: time.Minute})
	m.Event(observe.Waited{Cause: "429"})
	m.Event(observe.Retried{Cause: "timeout", Wait: time.Hour})
	m.Event(observe.Connected{})
	m.Event(observe.Connected{Reused: true})
	m.Event(observe.Connected{Reused: true})
	m.Event(observe.HostDown{Cause: "timeout"})
	m.Event(observe.HostBack{})
	m.Event(observe.Delayed{Cause: "rate", For: time.Second})
	m.Event(observe.Delayed{Cause: "rate", For: time.Second})
	for i, outcome := range []string{"hit", "revalidated", "revalidated", "stale", "stale", "stale", "miss"} {
		m.Event(observe.CacheAsked{Outcome: outcome, Saved: int64(i)})
	}
	got := m.Read()
	want := NewMeter().Read()
	want.Requests, want.InFlight, want.BytesOut, want.BytesIn, want.BytesDecoded = 3, 1, 3, 20, 300
	want.Status[200], want.Errors["timeout"], want.Protocols["HTTP/2.0"] = 1, 1, 1
	want.Retries["timeout"], want.Connections, want.Reused, want.Outages = 1, 1, 2, 1
	want.Waits["rate"] = Waits{Count: 2, Total: 2 * time.Second}
	want.Cache = Cache{Hits: 1, Revalidated: 2, Stale: 3, Misses: 1, BytesSaved: 21}
	want.Latency.Add(time.Second)
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, want %+v", got, want)
	}
}
