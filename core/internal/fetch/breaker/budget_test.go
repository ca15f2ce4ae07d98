package breaker

import (
	"testing"
	"time"
)

func TestBudgetSlots(t *testing.T) {
	t.Parallel()
	b, now := &Budget{}, time.Unix(1e9, 0)
	grant := func(want int) {
		t.Helper()
		got := 0
		for b.Retry(now, 0.2) {
			got++
		}
		if got != want {
			t.Errorf("%d retries granted, want %d", got, want)
		}
	}
	for range 100 {
		b.Request(now)
	}
	grant(budgetFloor + 20)
	now = now.Add(30 * time.Second)
	grant(0)
	now = now.Add(31 * time.Second)
	grant(budgetFloor)
	now = now.Add(24 * time.Hour)
	grant(budgetFloor)
}
