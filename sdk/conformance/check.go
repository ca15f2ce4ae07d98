// A check of the suite, and the promise that a failure breaks.

package conformance

import (
	"context"
)

// T is what a check needs of its runner: the methods of *testing.T, except for Run.
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

// Promise is a promise of scrapekit to its users that a plugin can break.
type Promise string

// The promises.
const (
	NothingLost Promise = "nothing lost, nothing twice"
	NoTrust     Promise = "a plugin needs no trust"
	NeverFaster Promise = "as fast as the far end allows, never faster"
	SameWords   Promise = "every setting is checked before anything runs"
	AnyHost     Promise = "a plugin works with every host of its protocol"
)

// A Check is one check of a suite.
type Check struct {
	Name    string
	Promise Promise // the promise that a failing plugin breaks
	Doc     string  // what must hold
}
