// What a plugin writes on stdout and stderr: made harmless, logged, and kept in part for a crash
// report.

package pluginhost

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/hashicorp/go-hclog"

	"github.com/scrapekit/scrapekit/sdk/printable"
)

const (
	maxRawLine = 64 << 10 // bytes of a line that are read; the rest of it is dropped
	maxLogLine = 8 << 10  // bytes of a line that are logged
	maxKept    = 500      // bytes of a line that are kept for a crash report
	keptLines  = 20
)

// lines takes a plugin's output. It reads instead of go-plugin, which panics on a line like
// {"@message":1} and so lets a plugin end its host. Safe for concurrent use.
type lines struct {
	log  hclog.Logger
	hide hiding
	// plain is told what is no line of a log, and no panic; nil: nobody is.
	plain func(line string)

	mu     sync.Mutex
	last   []string // newest last, at most keptLines
	panics panicScan
}

// read takes lines until r ends.
func (l *lines) read(r io.Reader) { l.readAll(bufio.NewReaderSize(r, maxRawLine)) }

func (l *lines) readAll(r *bufio.Reader) {
	for {
		line, err := readLine(r)
		if err != nil {
			return // its end: a pipe that was closed, on whichever side
		}
		l.add(line)
	}
}

// readLine returns the next line without its newline, cut at the reader's size. An ellipsis says
// that it was: half a secret before that is known for one.
func readLine(r *bufio.Reader) (string, error) {
	raw, more, err := r.ReadLine()
	line := string(raw)
	if more {
		line += "…"
	}
	for more && err == nil {
		_, more, err = r.ReadLine()
	}
	return line, err
}

// Write takes whole or partial lines: what a Go plugin prints after its start travels as such
// pieces.
func (l *lines) Write(p []byte) (int, error) {
	for line := range strings.Lines(string(p)) {
		l.add(strings.TrimRight(line, "\r\n"))
	}
	return len(p), nil
}

func (l *lines) add(raw string) {
	if e, ok := l.parseEntry(raw); ok {
		l.log.Log(e.level, e.message, e.args...)
		if e.level >= hclog.Info {
			l.keep(e.message, false)
		}
		return
	}
	text := l.hide.clean(raw, maxLogLine)
	l.log.Debug(text)
	if l.keep(text, true) && l.plain != nil {
		l.plain(text)
	}
}

// keep reports whether a line is one of its own: not empty, and not of a panic.
func (l *lines) keep(text string, plain bool) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if plain && l.panics.scan(text) || strings.TrimSpace(text) == "" {
		return false
	}
	if len(l.last) == keptLines {
		l.last = slices.Delete(l.last, 0, 1)
	}
	l.last = append(l.last, clip(text, maxKept))
	return true
}

// tail returns the last lines before a panic, and the panic.
func (l *lines) tail() (last []string, panicked string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.last), l.panics.String()
}

// trace returns the panic as it was printed.
func (l *lines) trace() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.panics.trace)
}

// entry is a line of hclog's JSON format, which go-plugin's server and many Go plugins write.
type entry struct {
	level   hclog.Level
	message string
	args    []any
}

func (l *lines) parseEntry(raw string) (entry, bool) {
	if !strings.HasPrefix(raw, "{") {
		return entry{}, false
	}
	var fields map[string]any
	dec := json.NewDecoder(strings.NewReader(raw))
	dec.UseNumber() // an id is shown digit by digit
	if dec.Decode(&fields) != nil || dec.More() {
		return entry{}, false
	}
	message, ok := fields["@message"].(string)
	if !ok {
		return entry{}, false
	}
	level, _ := fields["@level"].(string)
	e := entry{level: hclog.LevelFromString(level), message: l.hide.clean(message, maxLogLine)}
	if e.level == hclog.NoLevel {
		e.level = hclog.Debug
	}
	for _, k := range slices.Sorted(maps.Keys(fields)) {
		if !strings.HasPrefix(k, "@") {
			e.args = append(e.args, l.hide.clean(k, maxKept), l.hide.clean(fmt.Sprint(fields[k]), maxLogLine))
		}
	}
	return e, true
}

// clean makes text harmless for a terminal and a log: no control characters, no direction marks, no
// broken UTF-8, at most limit bytes. Tabs become spaces.
func clean(text string, limit int) string { return clip(printable.Printed(text), limit) }

// hiding takes secrets out of a text; nil: there are none.
type hiding func(string) string

func (h hiding) of(text string) string {
	if h == nil {
		return text
	}
	return h(text)
}

// clean returns text without secrets and made harmless. Half a secret, or one without its tabs, is
// not known for one: so they are taken out before text is changed. One that had something in it
// that cannot be seen is whole only after that, and still before it is cut.
func (h hiding) clean(text string, limit int) string {
	return clip(h.of(printable.Printed(h.of(text))), limit)
}

// clip cuts text to about limit bytes, at the border of a character.
func clip(text string, limit int) string {
	if len(text) <= limit {
		return text
	}
	return strings.ToValidUTF8(text[:limit], "") + "…"
}
