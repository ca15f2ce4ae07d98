// Colours, where the terminal has them and its user wants them.

package main

import "charm.land/lipgloss/v2"

type ink int

const (
	plainInk ink = iota
	red
	green
	yellow
	faint
	bold
)

func (a *app) style(i ink, s string) string { return paint(a.color, i, s) }

func paint(color bool, i ink, s string) string {
	if !color || s == "" {
		return s
	}
	st := lipgloss.NewStyle()
	switch i {
	case red:
		st = st.Foreground(lipgloss.Red).Bold(true)
	case green:
		st = st.Foreground(lipgloss.Green)
	case yellow:
		st = st.Foreground(lipgloss.Yellow)
	case faint:
		st = st.Faint(true)
	case bold:
		st = st.Bold(true)
	}
	return st.Render(s)
}
