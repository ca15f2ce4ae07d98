// Screens: where everything goes that people read. What plugins, servers and files say comes to
// them in errors, names and records, and a terminal does what it is told: of its escapes only the
// styles of this program pass.

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

// Console is where a command writes for people and for programs.
type Console struct {
	Out, Err io.Writer           // screens; see Data, Records and JSONOut for what is not for people
	Color    bool                // of Err
	Args     []string            // of the program
	Hide     func(string) string // takes the secrets of the pipeline out of a text
}

// screen is a writer for people. Its methods may be called by several goroutines at once.
type screen struct {
	to    io.Writer
	color bool // styles are wanted there

	mu   sync.Mutex
	held []byte // the beginning of a character or of a style, until the rest of it comes
}

// NewScreen returns a screen in front of to.
func NewScreen(to io.Writer) io.Writer { return &screen{to: to, color: Colorful(to)} }

// Write passes text on as it may be shown.
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

// unfinished is how many bytes at the end of text are the beginning of a character or of a style.
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

// onScreen is text as a terminal may get it: without what it would act on, but for our styles, if
// they are wanted.
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

// JSONOut writes JSON, escaped so that a screen has nothing to take out of it: programs get what
// was meant.
type JSONOut struct{ To io.Writer }

// Write writes p, which is JSON.
func (j JSONOut) Write(p []byte) (int, error) {
	if _, err := j.To.Write(printable.JSON(p)); err != nil {
		return 0, err
	}
	return len(p), nil
}

// WriteJSON writes v, indented, for programs.
func WriteJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(JSONOut{w})
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

// bare is what is behind a screen: for what is data and not for people, and for the live view,
// which moves the cursor itself.
func bare(w io.Writer) io.Writer {
	if s, ok := w.(*screen); ok {
		return s.to
	}
	return w
}

// Data is where records or the body of a reply go as they are, unless it is a terminal.
func Data(w io.Writer) io.Writer {
	if IsTerminal(w) {
		return w
	}
	return bare(w)
}

// Records is where a sink writes whose path is "-": the records as they are, or, in a terminal,
// escaped.
func (a *Console) Records() io.Writer {
	if IsTerminal(a.Out) {
		return JSONOut{a.Out}
	}
	return bare(a.Out)
}

// Colorful reports whether w is a terminal whose user has nothing against colours.
func Colorful(w io.Writer) bool {
	return IsTerminal(w) && os.Getenv("NO_COLOR") == "" && !isDumb()
}

// isDumb reports whether the terminal of the environment knows no escapes.
func isDumb() bool { return os.Getenv("TERM") == "dumb" }

// IsTerminal reports whether w is a terminal, or a screen in front of one.
func IsTerminal(w io.Writer) bool {
	f, ok := bare(w).(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// ColumnsOf returns the columns of a terminal; 0: it is none.
func ColumnsOf(w io.Writer) int {
	if f, ok := bare(w).(*os.File); ok {
		if width, _, err := term.GetSize(int(f.Fd())); err == nil {
			return width
		}
	}
	return 0
}

// WidthOf returns the columns of a terminal, or what suits a pipe.
func WidthOf(w io.Writer) int {
	const pipe = 100
	if columns := ColumnsOf(w); columns > 0 {
		return columns
	}
	return pipe
}
