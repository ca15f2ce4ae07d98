// Colours, where the terminal has them and its user wants them.

package main

import "crypto/rand"

// ink is a style, as the parameters of the escape that sets it.
type ink string

const (
	red    ink = "1;31"
	green  ink = "32"
	yellow ink = "33"
	faint  ink = "2"
	bold   ink = "1"
)

// styleMark begins a style of ours. Nobody else can write one: a [screen] makes escapes of these, and of no others.
var styleMark = "\x1b" + rand.Text()

func (a *app) style(i ink, s string) string { return paint(a.color, i, s) }

func paint(color bool, i ink, s string) string {
	if !color || s == "" {
		return s
	}
	return styleMark + string(i) + "m" + s + styleMark + "m"
}

// paint is style for who knows a style by its parameters alone.
func (a *app) paint(parameters, s string) string { return a.style(ink(parameters), s) }
