// Budget bounds the retries of a host: over the last minute no more than a share of the requests,
// and a few beside, so that a short run can retry too. Retries that would be more wait: what a host
// in trouble needs is fewer requests, and what a run needs is every record.

package breaker

import (
	"sync"
	"time"
)

const (
	// BudgetSlot is the time that is counted together.
	BudgetSlot  = 5 * time.Second
	budgetSlots = 12
	budgetFloor = 30 // retries a minute that are always granted
)

// Budget counts requests and retries in slots of time. The zero value works.
type Budget struct {
	mu    sync.Mutex
	slots [budgetSlots]struct{ requests, retries int }
	slot  int64 // the number of the present slot since 1970
}

// Request counts a request that goes for the first time.
func (b *Budget) Request(now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.turn(now)
	b.slots[b.slot%budgetSlots].requests++
}

// Retry counts a retry if there is room for it.
func (b *Budget) Retry(now time.Time, share float64) bool {
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
func (b *Budget) turn(now time.Time) {
	slot := now.UnixNano() / int64(BudgetSlot)
	for n := min(slot-b.slot, budgetSlots); n > 0; n-- {
		b.slots[(slot-n+1)%budgetSlots] = struct{ requests, retries int }{}
	}
	b.slot = max(b.slot, slot)
}
