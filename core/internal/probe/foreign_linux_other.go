//go:build linux && !amd64

package probe

// foreign is empty: a 64-bit program has no other calls here.
func foreign() []attempt { return nil }
