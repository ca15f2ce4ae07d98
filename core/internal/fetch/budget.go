// budget bounds the retries of a host: over the last minute no more than a share of the requests, and a few beside, so that
// a short run can retry too. Retries that would be more wait: what a host in trouble needs is fewer requests, and what
// a run needs is every record.

package fetch

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/scrapekit/scrapekit/core/internal/fetch/limits"
)

const (
	budgetSlot  = 5 * time.Second
	budgetSlots = 12
	budgetFloor = 30 // retries a minute that are always granted
)

// budget counts requests and retries in slots of time. The zero value works.
type budget struct {
	mu    sync.Mutex
	slots [budgetSlots]struct{ requests, retries int }
	slot  int64 // the number of the present slot since 1970
}

// request counts a request that goes for the first time.
func (b *budget) request(now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.turn(now)
	b.slots[b.slot%budgetSlots].requests++
}

// retry counts a retry if there is room for it.
func (b *budget) retry(now time.Time, share float64) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.turn(now)
	requests, retries := 0, 0
	for _, s := range b.slots {
		requests += s.requests
		retries += s.retries
	}
	if float64(retries) >= budgetFloor+share*float64(requests) {
		return false
	}
	b.slots[b.slot%budgetSlots].retries++
	return true
}

// turn empties the slots that have come round again.
func (b *budget) turn(now time.Time) {
	slot := now.UnixNano() / int64(budgetSlot)
	for n := min(slot-b.slot, budgetSlots); n > 0; n-- {
		b.slots[(slot-n+1)%budgetSlots] = struct{ requests, retries int }{}
	}
	b.slot = max(b.slot, slot)
}

// spend takes a retry out of the host's budget, when there is one.
func (t *trial) spend() error {
	h, share, start := t.ex.host, t.policy.RetryBudget, time.Now()
	for !h.budget.retry(time.Now(), share) {
		wait := budgetSlot/2 + rand.N(budgetSlot)
		if t.ex.held == "" {
			t.ex.held = fmt.Sprintf("the host's retries of the last minute were more than http.retry_budget allows (%g %% of the requests)", 100*share)
			h.all.onWait(Wait{Host: h.key, Cause: waitBudget, For: wait, Until: time.Now().Add(wait)})
		}
		if err := sleep(t.ctx, wait); err != nil {
			return err
		}
	}
	if waited := time.Since(start); t.ex.held != "" {
		t.ex.Explain("retry", func() string { return fmt.Sprintf("waited %s: %s", limits.Short(waited), t.ex.held) })
		t.ex.held = ""
		h.meter.waited(waitBudget, waited)
	}
	return nil
}
