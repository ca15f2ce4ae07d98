package crashtest

import "testing"

// Plain skips a test if it was built with the race detector. Tests that kill processes by the
// hundred take three times as long with it and find no more. This project's CI runs them without
// it.
func Plain(t testing.TB) {
	t.Helper()
	if Raced {
		t.Skip("runs without the race detector")
	}
}
