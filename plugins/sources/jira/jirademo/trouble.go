// Trouble: a rate limit as Data Center tells it, and a seeded plan of faults.

package jirademo

import (
	"bytes"
	"fmt"
	"hash/fnv"
	"io"
	"math"
	"math/rand/v2"
	"net/http"
	"strconv"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

const burst = 5

// limited lets so many requests a second through, and refuses the others.
func limited(inner http.Handler, perSecond float64) http.Handler {
	limiter := rate.NewLimiter(rate.Limit(perSecond), burst)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		now := time.Now()
		reservation := limiter.ReserveN(now, 1)
		delay := reservation.DelayFrom(now)
		if delay > 0 {
			reservation.CancelAt(now)
		}
		h := w.Header()
		h.Set("X-RateLimit-Limit", strconv.Itoa(burst))
		h.Set("X-RateLimit-Remaining", strconv.Itoa(max(0, int(limiter.TokensAt(now)))))
		h.Set("X-RateLimit-Interval-Seconds", "1")
		h.Set("X-RateLimit-FillRate", strconv.FormatFloat(perSecond, 'f', -1, 64))
		h.Set("retry-after", strconv.Itoa(int(math.Ceil(delay.Seconds()))))
		if delay > 0 {
			page(w, http.StatusTooManyRequests)
			return
		}
		inner.ServeHTTP(w, r)
	})
}

func page(w http.ResponseWriter, status int) {
	w.Header().Set("Content-Type", "text/html;charset=utf-8")
	w.WriteHeader(status)
	fmt.Fprintf(w, "<!doctype html><title>HTTP Status %d</title><h1>%s</h1>", status, http.StatusText(status))
}

// mostInARow is how often one request fails at most, so that whoever tries again gets through.
const mostInARow = 2

// faults makes 12 requests of a hundred go wrong. Whether an attempt does follows from the seed and
// the request.
type faults struct {
	inner http.Handler
	seed  uint64

	mu       sync.Mutex
	attempts map[uint64]int // by request
}

func (f *faults) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := fnv.New64a()
	io.WriteString(h, r.Method+r.URL.String())
	request := h.Sum64()
	f.mu.Lock()
	attempt := f.attempts[request]
	f.attempts[request]++
	f.mu.Unlock()
	random := rand.New(rand.NewPCG(f.seed^request, uint64(attempt)))
	dice := random.IntN(100)
	if attempt%(mostInARow+1) == mostInARow {
		dice = 99
	}
	switch {
	case dice < 3:
		w.WriteHeader([]int{500, 502, 503, 504}[random.IntN(4)])
	case dice < 5:
		page(w, []int{http.StatusBadGateway, http.StatusServiceUnavailable}[random.IntN(2)])
	case dice < 7:
		panic(http.ErrAbortHandler) // the connection ends without a reply
	case dice < 9: // or with half of one
		whole := &withheld{ResponseWriter: w, status: http.StatusOK}
		f.inner.ServeHTTP(whole, r)
		w.Header().Set("Content-Length", strconv.Itoa(whole.body.Len()))
		w.WriteHeader(whole.status)
		w.Write(whole.body.Bytes()[:whole.body.Len()/2])
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	case dice < 12:
		select {
		case <-r.Context().Done():
		case <-time.After(300 * time.Millisecond):
		}
		f.inner.ServeHTTP(w, r)
	default:
		f.inner.ServeHTTP(w, r)
	}
}

// withheld keeps a reply instead of sending it; headers are shared.
type withheld struct {
	http.ResponseWriter
	status int
	body   bytes.Buffer
}

func (w *withheld) WriteHeader(status int)      { w.status = status }
func (w *withheld) Write(b []byte) (int, error) { return w.body.Write(b) }
