package fetch

import (
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// TestLongPauseIsNoAttempt: a pause that is too long to wait for is told beside the one attempt that there was.
func TestLongPauseIsNoAttempt(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	c, s, p := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		w.Header().Set("Retry-After", "3600")
		w.WriteHeader(http.StatusTooManyRequests)
	})
	p.MaxWait = time.Minute
	_, _, err := ask(t.Context(), transport(t, c, p), "GET", s.URL, "")
	if err == nil || asked.Load() != 1 {
		t.Fatalf("%d requests, %v", asked.Load(), err)
	}
	for _, part := range []string{"gave up after one attempt in ", ": 429 Too Many Requests; ", "longer than http.max_wait"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q is not in %v", part, err)
		}
	}
}

// TestHeadersOfTheHostAreTold: who gives a header that is the host's hears that it is not sent.
func TestHeadersOfTheHostAreTold(t *testing.T) {
	t.Parallel()
	c, s, p := serve(t, func(http.ResponseWriter, *http.Request) {})
	var told []string
	ctx := Explained(t.Context(), func(s Step) { told = append(told, s.Text) })
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header = http.Header{"Authorization": {"Basic eA=="}, "X-Mine": {"1"}}
	resp, err := transport(t, c, p).RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	all := strings.Join(told, "\n")
	if !strings.Contains(all, "the header Authorization is not sent") || strings.Contains(all, "X-Mine") {
		t.Error(all)
	}
}
