// Package hclfile reads and writes small HCL files with values and no expressions: the lock file,
// the trusted keys, the settings of plugins.
//
// Reading is strict: an unknown or missing attribute is an error with file and line. Writing is
// deterministic, so a difference in version control is a difference in meaning.
package hclfile

import (
	"errors"
	"fmt"
	"strings"
)

// maxFile bounds a file, in bytes.
const maxFile = 4 << 20

// Error is one error in a file.
type Error struct {
	File string
	Line int
	Text string // what was found, and what to do
}

func (e *Error) Error() string { return fmt.Sprintf("%s:%d: %s", e.File, e.Line, e.Text) }

// Errors are the errors in a file, in the order of its lines.
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
