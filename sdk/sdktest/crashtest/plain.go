package crashtest

import "testing"

// Plain skips a test if it was built with the race detector: what kills processes by the hundred
// takes three times as long with it, and finds no more. This project's CI runs such tests without
// it.
func Plain(t testing.TB) {
	t.Helper()
	if Raced {
		t.Skip("runs without the race detector")
	}
}
