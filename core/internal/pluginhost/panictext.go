// Finds a Go panic in a plugin's stderr.

package pluginhost

import (
	"regexp"
	"strings"
)

const (
	maxPanicLines = 10
	maxTraceLines = 200
)

// fatalSignal matches the start of a fatal signal in the Go runtime's output: "SIGSEGV:
// segmentation violation".
var fatalSignal = regexp.MustCompile(`^SIG[A-Z]+: `)

// panicScan reads lines and remembers the last panic or fatal error of the Go runtime: its text,
// and the first frame in the plugin's own code.
type panicScan struct {
	text  []string
	place string
	trace []string // complete, as the runtime printed it

	state panicState
	prev  string
}

type panicState int

const (
	outside panicState = iota
	inText             // between "panic: " and the first goroutine
	inTrace            // in the stack traces
)

// scan reads a cleaned line, and reports whether it belongs to a panic.
func (p *panicScan) scan(line string) bool {
	switch {
	case strings.HasPrefix(line, "panic: ") || strings.HasPrefix(line, "fatal error: ") ||
		fatalSignal.MatchString(line):
		*p = panicScan{state: inText, text: []string{clip(line, maxKept)}}
	case p.state == inText && strings.HasPrefix(line, "goroutine "):
		p.state = inTrace
	case p.state == inText:
		if text := strings.TrimSpace(line); text != "" && len(p.text) < maxPanicLines {
			p.text = append(p.text, clip(text, maxKept))
		}
	case p.state == inTrace && traceLine(line):
		p.frame(line)
	default:
		p.state = outside
	}
	if p.state != outside && len(p.trace) < maxTraceLines {
		p.trace = append(p.trace, clip(line, maxKept))
	}
	return p.state != outside
}

// frame remembers the first frame outside the runtime. A frame is a line with the function, then an
// indented line with file, line and offset.
func (p *panicScan) frame(line string) {
	if strings.HasPrefix(line, " ") && p.place == "" &&
		!strings.HasPrefix(p.prev, "runtime.") && !strings.HasPrefix(p.prev, "internal/runtime/") &&
		!strings.HasPrefix(p.prev, "panic(") && p.prev != "" {
		p.place, _, _ = strings.Cut(strings.TrimSpace(line), " +0x")
	}
	p.prev = line
}

func traceLine(line string) bool {
	return line == "" || strings.HasPrefix(line, " ") || strings.HasPrefix(line, "goroutine ") ||
		strings.HasPrefix(line, "created by ") || strings.HasSuffix(line, ")")
}

// String returns the panic on one line; "": there was none.
func (p *panicScan) String() string {
	text := strings.Join(p.text, " ")
	if text != "" && p.place != "" {
		text += " at " + p.place
	}
	return text
}
