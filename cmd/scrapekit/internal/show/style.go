// Styles, if the terminal supports them and the user wants them.

package show

import "crypto/rand"

// Ink is a style: the parameters of an escape sequence.
type Ink string

// The styles.
const (
	Red    Ink = "1;31"
	Green  Ink = "32"
	Yellow Ink = "33"
	Faint  Ink = "2"
	Bold   Ink = "1"
)

// styleMark marks our styles. It is random, so that no other text contains it; a [screen] turns
// only these marks into escape sequences.
var styleMark = "\x1b" + rand.Text()

// Style applies a style, if the console has styles.
func (a *Console) Style(i Ink, s string) string { return Paint(a.Color, i, s) }

// Paint applies a style, if color is set.
func Paint(color bool, i Ink, s string) string {
	if !color || s == "" {
		return s
	}
	return styleMark + string(i) + "m" + s + styleMark + "m"
}

// Paint is Style with the parameters as a string.
func (a *Console) Paint(parameters, s string) string { return a.Style(Ink(parameters), s) }
