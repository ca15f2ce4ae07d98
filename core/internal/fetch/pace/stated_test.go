package pace

import (
	"math"
	"net/http"
	"testing"
	"time"
)

// FuzzHints: whatever a host states, the order stays one that can be carried out.
func FuzzHints(f *testing.F) {
	f.Add("12", "5000", "0", "2026-06-05T06:00Z", `"b";q=100;w=60`, `"b";r=50;t=30`)
	f.Add("Fri, 05 Jun 2026 06:00:00 GMT", "1e308", "1e-300", "99999999999999999999", "a;q=0;w=0", "a;r=0;t=0")
	f.Fuzz(func(t *testing.T, after, limit, remaining, reset, policy, state string) {
		resp := &http.Response{StatusCode: 429, Header: http.Header{
			"Retry-After": {after}, "X-Ratelimit-Limit": {limit}, "X-Ratelimit-Remaining": {remaining},
			"X-Ratelimit-Reset":    {reset},
			"X-Ratelimit-Fillrate": {limit}, "X-Ratelimit-Interval-Seconds": {reset}, "Ratelimit-Policy": {policy},
			"Ratelimit":             {state},
			"Beta-Ratelimit-Policy": {policy}, "Beta-Ratelimit": {limit},
		}}
		p := New()
		for range 3 {
			now := time.Now()
			for _, status := range []int{200, 429, 503} {
				w := p.Read(now, now, status, resp.Header)
				o := p.Observe(p.Began(now), now, status, w, Sample{"GET/", time.Second})
				if !(o.Rate > 0) || o.Burst < 1 || o.Window < 1 || o.Pause < 0 || o.Pause > 32*24*time.Hour ||
					math.IsNaN(o.Rate) {
					t.Fatalf("%+v", o)
				}
			}
		}
	})
}
