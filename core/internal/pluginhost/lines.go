// Output of a plugin on stdout and stderr: cleaned, logged, and partly kept for a crash report.

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
	maxRawLine = 64 << 10 // bytes read of a line; the rest is dropped
	maxLogLine = 8 << 10  // bytes of a logged line
	maxKept    = 500      // bytes of a line in a crash report
	keptLines  = 20
)

// lines receives a plugin's output. It replaces go-plugin's reader, which panics on a line like
// {"@message":1}, so that a plugin could crash its host. It is safe for concurrent use.
type lines struct {
	log  hclog.Logger
	hide hiding
	// plain receives each line that is neither a log entry nor part of a panic; nil: none.
	plain func(line string)

	mu     sync.Mutex
	last   []string // oldest first, at most keptLines
	panics panicScan
}

// read processes lines until r ends.
func (l *lines) read(r io.Reader) { l.readAll(bufio.NewReaderSize(r, maxRawLine)) }

func (l *lines) readAll(r *bufio.Reader) {
	for {
		line, err := readLine(r)
		if err != nil {
			return // the pipe was closed by either side
		}
		l.add(line)
	}
}

// readLine returns the next line without its newline, cut at the reader's size. A cut line ends
// with an ellipsis, so that half a secret in front of it is recognised.
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

// Write accepts complete or partial lines, in which a Go plugin's later output arrives.
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

// keep reports whether a line is to be kept: not empty and not part of a panic.
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

// trace returns the panic as printed.
func (l *lines) trace() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.panics.trace)
}

// entry is a line in hclog's JSON format, which go-plugin's server and many Go plugins write.
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
	dec.UseNumber() // shows ids with all digits
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

// clean makes text safe for a terminal and a log: no control characters, no direction marks, valid
// UTF-8, at most limit bytes. Tabs become spaces.
func clean(text string, limit int) string { return clip(printable.Printed(text), limit) }

// hiding removes secrets from a text; nil: there are none.
type hiding func(string) string

func (h hiding) of(text string) string {
	if h == nil {
		return text
	}
	return h(text)
}

// clean removes secrets and makes text safe. Secrets are removed before the text is changed,
// because a cut secret, or one without its tabs, is not recognised. They are removed again before
// cutting, because a secret with invisible characters is recognisable only after cleaning.
func (h hiding) clean(text string, limit int) string {
	return clip(h.of(printable.Printed(h.of(text))), limit)
}

// clip cuts text to about limit bytes, between characters.
func clip(text string, limit int) string {
	if len(text) <= limit {
		return text
	}
	return strings.ToValidUTF8(text[:limit], "") + "…"
}
