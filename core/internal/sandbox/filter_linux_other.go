// Architectures for which there is no filter.

//go:build linux && !amd64 && !arm64

package sandbox

import (
	"errors"
	"runtime"

	"golang.org/x/net/bpf"
)

type filterInput struct {
	pid, execFD, abi   int
	change, locks, ask bool
}

var errNoFilter = errors.New("there is no seccomp filter for " + runtime.GOARCH)

func newFilter(filterInput) ([]bpf.RawInstruction, error) { return nil, errNoFilter }

func install([]bpf.RawInstruction, uintptr) (int, error) { return 0, errNoFilter }

func filterAvailable() error { return errNoFilter }
