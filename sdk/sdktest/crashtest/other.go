//go:build !linux || !(amd64 || arm64)

package crashtest

import (
	"context"
	"errors"
)

// Supported returns why programs cannot be watched here; nil: they can.
func Supported() error { return errors.New("watching programs needs Linux on amd64 or arm64") }

// Watch does nothing: nobody can watch.
func Watch() error { return nil }

// Run cannot be done here.
func (p Program) Run(context.Context) (*Outcome, error) { return nil, Supported() }
