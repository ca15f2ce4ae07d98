package stats

import (
	"reflect"
	"testing"
	"time"

	"github.com/scrapekit/scrapekit/core/observe"
)

// A meter sums up exchanges, and ignores other events.
func TestMeterCountsExchanges(t *testing.T) {
	t.Parallel()
	m := NewMeter()
	for range 3 {
		m.Began()
	}
	m.Event(observe.Exchanged{Status: 200, Protocol: "HTTP/2.0", BytesOut: 1, BytesIn: 20, Decoded: 300,
		Took: time.Second})
	m.Event(observe.Exchanged{Err: "timeout", BytesOut: 2, Took: time.Minute})
	m.Event(observe.Waited{Cause: "429"})
	got := m.Read()
	want := NewMeter().Read()
	want.Requests, want.InFlight, want.BytesOut, want.BytesIn, want.BytesDecoded = 3, 1, 3, 20, 300
	want.Status[200], want.Errors["timeout"], want.Protocols["HTTP/2.0"] = 1, 1, 1
	want.Latency.Add(time.Second)
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, want %+v", got, want)
	}
}
