// JQL: the conditions of the walks. Times are whole minutes in epoch milliseconds; doc.go says why.

package jira

import (
	"fmt"
	"strings"
	"time"
)

const minute = int64(time.Minute / time.Millisecond)

func floorMinute(ms int64) int64 { return ms - ((ms%minute)+minute)%minute }

// and joins conditions; empty ones are left out.
func and(conditions ...string) string {
	var kept []string
	for _, c := range conditions {
		if c != "" {
			kept = append(kept, c)
		}
	}
	return strings.Join(kept, " AND ")
}

// inProjects is the condition that bounds every query, which Cloud requires.
func inProjects(keys []string) string {
	if len(keys) == 1 {
		return "project = " + quote(keys[0])
	}
	list := make([]string, len(keys))
	for i, k := range keys {
		list[i] = quote(k)
	}
	return "project in (" + strings.Join(list, ", ") + ")"
}

// between returns the condition for the half-open range [from, to); 0 leaves a side open.
func between(field string, from, to int64) string {
	var low, high string
	if from > 0 {
		low = fmt.Sprintf("%s >= %d", field, from)
	}
	if to > 0 {
		high = fmt.Sprintf("%s < %d", field, to)
	}
	return and(low, high)
}

// filter returns the conditions of the settings, beyond the projects.
func (s *Source) filter() string {
	own := ""
	if strings.TrimSpace(s.JQL) != "" {
		own = "(" + s.JQL + ")"
	}
	return and(own, between("updated", s.since, 0))
}

var jqlEscapes = strings.NewReplacer(`\`, `\\`, `"`, `\"`)

func quote(s string) string { return `"` + jqlEscapes.Replace(s) + `"` }

// anyOf joins conditions, each of which is in brackets already, by OR.
func anyOf(groups []string) string {
	if len(groups) == 1 {
		return groups[0]
	}
	return "(" + strings.Join(groups, " OR ") + ")"
}
