// Package hclfile reads and writes the small HCL files that scrapekit keeps for people to read and
// to compare: the lock file, the trusted keys, the settings of plugins. They hold values and no
// expressions.
//
// Reading is strict: what is not known is an error with file and line, as is what is missing.
// Writing is deterministic: the same values give the same bytes, so that a difference in version
// control is a difference in what it means.
package hclfile

import (
	"errors"
	"fmt"
	"strings"
)

// maxFile is the most bytes of a file that is read.
const maxFile = 4 << 20

// Error is one thing that is wrong with a file.
type Error struct {
	File string
	Line int
	Text string // what was found, and what to do
}

func (e *Error) Error() string { return fmt.Sprintf("%s:%d: %s", e.File, e.Line, e.Text) }

// Errors is all that is wrong with a file, in the order of its lines.
type Errors []*Error

func (e Errors) Error() string {
	lines := make([]string, len(e))
	for i, one := range e {
		lines[i] = one.Error()
	}
	return strings.Join(lines, "\n")
}

// Unwrap lets errors.As find an Error.
func (e Errors) Unwrap() []error {
	out := make([]error, len(e))
	for i, one := range e {
		out[i] = one
	}
	return out
}

var errConflict = errors.New("it has an unresolved git conflict: keep one side, and run `scrapekit init`")
