// Package crashtest does to a program what a test cannot wait for: it kills it at each thing that
// it does to its files, has each of them fail, and takes the power away after each. It works on any
// program, in any language, as it is: nothing has to be built into it, so nothing can be forgotten,
// and what is tested is what ships. See [Program].
//
// The program runs under ptrace, and stops at the system calls that change files, at no others.
// That needs Linux on amd64 or arm64; elsewhere [Supported] says why not.
package crashtest

import (
	"bytes"
	"fmt"
)

// A Program is run to its end, or to the end that its Fault makes.
type Program struct {
	Path string
	Args []string
	Env  []string // nil: that of this process
	Dir  string
	// Root is the folder whose files count, by its path without links. What the program, and the
	// programs that it starts, do to files below it are its operations.
	Root    string
	Fault   Fault
	Strikes []Strike // more kills on the way, one after another
	// Record keeps what was written, so that [Outcome.PowerCuts] can be had.
	Record bool
}

// A Fault is what goes wrong.
type Fault struct {
	At int // at which operation, counted from 1; 0: nothing goes wrong
	Do Failure
}

// A Strike is a kill of a process by its name. Unlike a [Fault] there may be many in one run: the
// first process goes on after the kill of another.
type Strike struct {
	At int    // before which operation, counted from 1; the next one at which there is such a process
	Of string // what one of the process's arguments is called, without folders; "": the first process
}

// Struck is a strike that landed.
type Struck struct {
	Strike
	After int // how many of the outcome's operations were done, what was Said among them
}

// Failure is how an operation ends in a [Fault].
type Failure int

// The failures.
const (
	// Kill ends the process before the operation, as kill -9 does.
	Kill Failure = iota
	// KillFirst ends the first process, whichever process the operation is of.
	KillFirst
	// BrokenDisk makes the operation fail with EIO. The next one is made.
	BrokenDisk
	// FullDisk writes half of what is to be written and lets everything that needs space fail with
	// ENOSPC from then on.
	FullDisk
)

func (f Failure) String() string {
	return [...]string{"kill", "kill of the first process", "EIO", "ENOSPC"}[f]
}

// Kind is what an operation does.
type Kind string

// The kinds. What was Said is no operation on a file: it is what the program wrote to its standard
// output, kept among the operations to tell what had happened by then.
const (
	Create   Kind = "create"
	Write    Kind = "write"
	Truncate Kind = "truncate"
	Sync     Kind = "sync"
	Rename   Kind = "rename"
	Link     Kind = "link"
	Remove   Kind = "remove"
	Mkdir    Kind = "mkdir"
	Said     Kind = "said"
)

// Op is an operation.
type Op struct {
	Kind   Kind
	Path   string // below the root, with slashes; "." is the root itself
	To     string // the new name of a Rename or Link
	Offset int64  // of a Write
	Size   int64  // of a Write or Truncate
	Data   []byte // of a Write, if it is recorded, and of what was Said
	First  bool   // it is of the first process
}

func (o Op) String() string {
	switch o.Kind {
	case Rename, Link:
		return fmt.Sprintf("%s %s to %s", o.Kind, o.Path, o.To)
	case Write:
		return fmt.Sprintf("%s %s, %d bytes at %d", o.Kind, o.Path, o.Size, o.Offset)
	case Truncate:
		return fmt.Sprintf("%s %s to %d bytes", o.Kind, o.Path, o.Size)
	case Said:
		return fmt.Sprintf("%s %q", o.Kind, o.Data)
	}
	return fmt.Sprintf("%s %s", o.Kind, o.Path)
}

// Outcome is how a program ended.
type Outcome struct {
	Ops    []Op
	Hit    *Op // the operation that the fault was done to; nil: the program ended before
	Before int // how many operations were done before Hit, what was Said among them
	Struck []Struck
	Code   int // exit code; -1: it was killed
	Output []byte

	before *disk // what was there when it began, if it was recorded
}

// Said returns the lines of a program's standard output before operation n, counted from 0.
func (o *Outcome) Said(n int) []string {
	var all []byte
	for _, op := range o.Ops[:n] {
		if op.Kind == Said {
			all = append(all, op.Data...)
		}
	}
	var out []string
	for line := range bytes.Lines(all) {
		if bytes.HasSuffix(line, []byte("\n")) {
			out = append(out, string(bytes.TrimSpace(line)))
		}
	}
	return out
}

// Count returns how many operations there were on files.
func (o *Outcome) Count() int {
	n := 0
	for _, op := range o.Ops {
		if op.Kind != Said {
			n++
		}
	}
	return n
}

// Op returns operation n on files, counted from 1 as for a [Fault].
func (o *Outcome) Op(n int) Op {
	for _, op := range o.Ops {
		if op.Kind != Said {
			n--
		}
		if n == 0 {
			return op
		}
	}
	return Op{}
}
