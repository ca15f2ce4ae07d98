package crashtest

import "testing"

// Plain skips a test if it was built with the race detector, and with -short. Tests that kill
// processes by the hundred take three times as long with the detector and find no more. This
// project's CI runs them without it.
func Plain(t testing.TB) {
	t.Helper()
	switch {
	case Raced:
		t.Skip("runs without the race detector")
	case testing.Short():
		t.Skip("takes long")
	}
}
