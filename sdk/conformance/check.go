// Checks: what is run, and what a failure breaks.

package conformance

import (
	"context"
)

// T is what a check needs of whoever runs it. It is that of *testing.T, but for Run.
type T interface {
	Context() context.Context
	Helper()
	Logf(format string, args ...any)
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any) // ends the check
	Skipf(format string, args ...any)  // ends the check
	Failed() bool
	TempDir() string
	Cleanup(func())
	// Run runs a check within this one and reports whether it passed.
	Run(name string, f func(T)) bool
}

// Promise is what scrapekit promises its users, and a plugin can break.
type Promise string

// The promises.
const (
	NothingLost Promise = "nothing lost, nothing twice"
	NoTrust     Promise = "a plugin needs no trust"
	NeverFaster Promise = "as fast as the far end allows, never faster"
	SameWords   Promise = "every setting is checked before anything runs"
	AnyHost     Promise = "a plugin works with every host of its protocol"
)

// A Check is one of a suite's.
type Check struct {
	Name    string
	Promise Promise // which a plugin breaks that fails it
	Doc     string  // what must hold
}
