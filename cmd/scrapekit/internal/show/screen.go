// Screens: writers for text that people read. The text contains errors, names and records from
// plugins, servers and files, which a terminal must not interpret: of all escape sequences, only
// this program's styles pass.

package show

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"regexp"
	"strings"
	"sync"
	"unicode/utf8"

	"golang.org/x/term"

	"github.com/scrapekit/scrapekit/sdk/printable"
)

// Console has the outputs of a command for people and programs.
type Console struct {
	Out, Err io.Writer           // screens; see Data, Records and JSONOut for other output
	Color    bool                // whether Err has styles
	Args     []string            // arguments of the program
	Hide     func(string) string // removes the pipeline's secrets from a text
}

// screen is a writer for people. Its methods may be called by several goroutines at the same time.
type screen struct {
	to    io.Writer
	color bool // keep styles

	mu   sync.Mutex
	held []byte // incomplete character or style at the end of the last write
}

// NewScreen returns a screen that writes to to.
func NewScreen(to io.Writer) io.Writer { return &screen{to: to, color: Colorful(to)} }

// Write writes text in a safe form.
func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	text := p
	if len(s.held) > 0 {
		text = append(s.held, p...)
	}
	n := len(text) - unfinished(text)
	s.held = bytes.Clone(text[n:])
	if _, err := io.WriteString(s.to, onScreen(string(text[:n]), s.color)); err != nil {
		return 0, err
	}
	return len(p), nil
}

// unfinished returns the number of bytes of an incomplete character or style at the end of text.
func unfinished(text []byte) int {
	if i := bytes.LastIndex(text, []byte(styleMark)); i >= 0 && bytes.IndexByte(text[i:], 'm') < 0 &&
		len(text)-i < 2*len(styleMark) {
		return len(text) - i
	}
	for n := min(len(styleMark)-1, len(text)); n > 0; n-- {
		if bytes.HasPrefix([]byte(styleMark), text[len(text)-n:]) {
			return n
		}
	}
	for n := 1; n < utf8.UTFMax && n <= len(text); n++ {
		if tail := text[len(text)-n:]; utf8.RuneStart(tail[0]) {
			if !utf8.FullRune(tail) {
				return n
			}
			break
		}
	}
	return 0
}

var styleParameters = regexp.MustCompile(`^[0-9;]{0,8}m`)

// onScreen returns text without anything that a terminal would interpret, except our styles if
// color is set.
func onScreen(text string, color bool) string {
	parts := strings.Split(text, styleMark)
	var out strings.Builder
	out.WriteString(printable.Text(parts[0]))
	for _, part := range parts[1:] {
		parameters := styleParameters.FindString(part)
		if color && parameters != "" {
			out.WriteString("\x1b[" + parameters)
		}
		out.WriteString(printable.Text(part[len(parameters):]))
	}
	return out.String()
}

// JSONOut writes JSON with escapes, so that a screen does not change it.
type JSONOut struct{ To io.Writer }

// Write writes p, which is JSON.
func (j JSONOut) Write(p []byte) (int, error) {
	if _, err := j.To.Write(printable.JSON(p)); err != nil {
		return 0, err
	}
	return len(p), nil
}

// WriteJSON writes v as indented JSON.
func WriteJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(JSONOut{w})
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

// bare returns the writer behind a screen: for data, and for the live view, which moves the cursor.
func bare(w io.Writer) io.Writer {
	if s, ok := w.(*screen); ok {
		return s.to
	}
	return w
}

// Data returns a writer for unchanged records or bodies, unless w is a terminal.
func Data(w io.Writer) io.Writer {
	if IsTerminal(w) {
		return w
	}
	return bare(w)
}

// Records returns the writer of a sink to "-": unchanged, or escaped in a terminal.
func (a *Console) Records() io.Writer {
	if IsTerminal(a.Out) {
		return JSONOut{a.Out}
	}
	return bare(a.Out)
}

// Colorful reports whether w is a terminal with colours enabled.
func Colorful(w io.Writer) bool {
	return IsTerminal(w) && os.Getenv("NO_COLOR") == "" && !isDumb()
}

// isDumb reports whether the terminal supports no escape sequences.
func isDumb() bool { return os.Getenv("TERM") == "dumb" }

// IsTerminal reports whether w is a terminal, or a screen on one.
func IsTerminal(w io.Writer) bool {
	f, ok := bare(w).(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// ColumnsOf returns the width of a terminal; 0: not a terminal.
func ColumnsOf(w io.Writer) int {
	if f, ok := bare(w).(*os.File); ok {
		if width, _, err := term.GetSize(int(f.Fd())); err == nil {
			return width
		}
	}
	return 0
}

// WidthOf returns the width of a terminal, or a default.
func WidthOf(w io.Writer) int {
	const pipe = 100
	if columns := ColumnsOf(w); columns > 0 {
		return columns
	}
	return pipe
}
