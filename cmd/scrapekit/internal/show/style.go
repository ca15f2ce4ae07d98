// Colours, where the terminal has them and its user wants them.

package show

import "crypto/rand"

// Ink is a style, as the parameters of the escape that sets it.
type Ink string

// The styles.
const (
	Red    Ink = "1;31"
	Green  Ink = "32"
	Yellow Ink = "33"
	Faint  Ink = "2"
	Bold   Ink = "1"
)

// styleMark begins a style of ours. Nobody else can write one: a [screen] makes escapes of these,
// and of no others.
var styleMark = "\x1b" + rand.Text()

// Style puts s into a style, if the console has styles.
func (a *Console) Style(i Ink, s string) string { return Paint(a.Color, i, s) }

// Paint puts s into a style if color is set.
func Paint(color bool, i Ink, s string) string {
	if !color || s == "" {
		return s
	}
	return styleMark + string(i) + "m" + s + styleMark + "m"
}

// Paint is Style for who knows a style by its parameters alone.
func (a *Console) Paint(parameters, s string) string { return a.Style(Ink(parameters), s) }
