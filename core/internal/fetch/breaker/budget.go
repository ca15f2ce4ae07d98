// Budget bounds the retries to a host in the last minute to a fraction of the requests plus a
// constant, so that a short run can retry too. Further retries wait: a failing host needs fewer
// requests, and a run needs every record.

package breaker

import (
	"sync"
	"time"
)

const (
	// BudgetSlot is the length of a time slot.
	BudgetSlot  = 5 * time.Second
	budgetSlots = 12
	budgetFloor = 30 // retries a minute that are always allowed
)

// Budget counts requests and retries by time slot. The zero value is ready for use.
type Budget struct {
	mu    sync.Mutex
	slots [budgetSlots]struct{ requests, retries int }
	slot  int64 // number of the current slot since 1970
}

// Request counts the first attempt of a request.
func (b *Budget) Request(now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.expire(now)
	b.slots[b.slot%budgetSlots].requests++
}

// Retry counts a retry, if the budget allows it.
func (b *Budget) Retry(now time.Time, share float64) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.expire(now)
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

// expire clears the slots that have expired.
func (b *Budget) expire(now time.Time) {
	slot := now.UnixNano() / int64(BudgetSlot)
	for n := min(slot-b.slot, budgetSlots); n > 0; n-- {
		b.slots[(slot-n+1)%budgetSlots] = struct{ requests, retries int }{}
	}
	b.slot = max(b.slot, slot)
}
