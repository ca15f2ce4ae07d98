// Package crashtest injects faults into a program: it kills the program at each of its file
// operations, makes each of them fail, and cuts the power after each. It works on any unmodified
// program, in any language, so what is tested is what ships. See [Program].
//
// The program runs under ptrace, and stops only at the system calls that change files. That needs
// Linux on amd64 or arm64; elsewhere [Supported] says why not.
package crashtest

import (
	"bytes"
	"fmt"
)

// A Program is run to its end, or to the end that its Fault causes.
type Program struct {
	Path string
	Args []string
	Env  []string // nil: that of this process
	Dir  string
	// Root is the folder whose files count, as a path without symbolic links. Operations are what
	// the program, and the programs that it starts, do to files below it.
	Root    string
	Fault   Fault
	Strikes []Strike // further kills, in order
	// Record keeps the written data, which [Outcome.PowerCuts] needs.
	Record bool
}

// A Fault is what goes wrong, and when.
type Fault struct {
	At int // the operation, counted from 1; 0: no fault
	Do Failure
}

// A Strike kills a process that is found by its name. Unlike a [Fault], one run may have many, and
// the first process continues after another was killed.
type Strike struct {
	At int    // the operation before which it happens, counted from 1, or the next one at which such a process runs
	Of string // base name of one of the process's arguments; "": the first process
}

// Struck is a strike that happened.
type Struck struct {
	Strike
	After int // number of the outcome's operations that were done, Said ones included
}

// Failure is how an operation ends in a [Fault].
type Failure int

// The failures.
const (
	// Kill ends the process before the operation, as kill -9 does.
	Kill Failure = iota
	// KillFirst ends the first process, whichever process makes the operation.
	KillFirst
	// BrokenDisk makes the operation fail with EIO. The next one succeeds.
	BrokenDisk
	// FullDisk writes half of the data, and from then on every operation that needs space fails
	// with ENOSPC.
	FullDisk
)

func (f Failure) String() string {
	return [...]string{"kill", "kill of the first process", "EIO", "ENOSPC"}[f]
}

// Kind is what an operation does.
type Kind string

// The kinds. Said is no operation on a file: it is what the program wrote to its standard output,
// kept in order with the operations.
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
	Path   string // below the root, with forward slashes; "." is the root itself
	To     string // the new name of a Rename or Link
	Offset int64  // of a Write
	Size   int64  // of a Write or Truncate
	Data   []byte // of a Write, if recorded, and of Said
	First  bool   // the first process made it
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
	Hit    *Op // the operation that met the fault; nil: the program ended before it
	Before int // number of operations before Hit, Said ones included
	Struck []Struck
	Code   int // exit code; -1: it was killed
	Output []byte

	before *disk // the disk at the start, if recorded
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

// Count returns the number of operations on files.
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
