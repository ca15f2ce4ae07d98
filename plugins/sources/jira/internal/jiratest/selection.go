// Field selection: the parameter fields.

package jiratest

import (
	"net/http"
	"slices"
)

// selection is a parsed fields parameter.
type selection struct {
	all, navigable bool
	names          []string
	without        []string
	properties     []string // of the issue, not fields
}

// hidden are the fields that are not navigable: a Data Center search leaves them out unless they
// are requested.
var hidden = [...]string{"comment", "worklog", "attachment", "timetracking"}

// selectFields parses the names; fallback applies if none is positive.
func selectFields(names []string, fallback ...string) selection {
	var s selection
	for _, name := range names {
		s.take(name)
	}
	if !s.all && !s.navigable && len(s.names) == 0 {
		for _, name := range fallback {
			s.take(name)
		}
	}
	return s
}

func (s *selection) take(name string) {
	switch {
	case name == "*all":
		s.all = true
	case name == "*navigable":
		s.navigable = true
	case name[0] == '-':
		s.without = append(s.without, name[1:])
	default:
		s.names = append(s.names, name)
	}
}

func (s *selection) has(name string) bool {
	switch {
	case slices.Contains(s.without, name):
		return false
	case s.all || slices.Contains(s.names, name):
		return true
	}
	return s.navigable && !slices.Contains(hidden[:], name)
}

// maxProperties bounds the properties parameter.
const maxProperties = 5

func tooManyProperties() error {
	return messages(http.StatusBadRequest, "The maximum number of properties that can be requested is 5.")
}

// bare reports whether only id and key are requested.
func (s *selection) bare() bool {
	return !s.all && !s.navigable && len(s.properties) == 0 &&
		!slices.ContainsFunc(s.names, func(n string) bool { return n != "id" && n != "key" })
}

// idOnly is the Cloud default: issues with only an id.
func (s *selection) idOnly() bool { return s.bare() && !slices.Contains(s.names, "key") }
