//go:build !linux || !(amd64 || arm64)

package crashtest

import (
	"context"
	"errors"
)

// Supported returns why programs cannot be traced here, or nil if they can.
func Supported() error { return errors.New("watching programs needs Linux on amd64 or arm64") }

// Watch does nothing: there is no tracer.
func Watch() error { return nil }

// Run fails on this system.
func (p Program) Run(context.Context) (*Outcome, error) { return nil, Supported() }
