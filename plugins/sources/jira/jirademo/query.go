// Queries: the JQL that the source writes, and no other.

package jirademo

import (
	"cmp"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

var (
	orderBy  = regexp.MustCompile(`^(.*?) ?ORDER BY (created|updated) (ASC|DESC)(?:, key (?:ASC|DESC))?$`)
	projects = regexp.MustCompile(`^project (?:= ("[^"]+")|in \(([^)]*)\))$`)
	bound    = regexp.MustCompile(`^(created|updated) (>=|<) (\d+)$`)
)

// find returns the issues that a query means, in its order. Conditions may be in brackets and are
// joined by AND.
func (s *server) find(jql string) ([]*issue, error) {
	conditions, field, down := jql, "created", false
	if m := orderBy.FindStringSubmatch(jql); m != nil {
		conditions, field, down = m[1], m[2], m[3] == "DESC"
	}
	keep := func(*issue) bool { return true }
	for condition := range strings.SplitSeq(conditions, " AND ") {
		matches, err := read(strings.TrimSuffix(strings.TrimPrefix(condition, "("), ")"), condition)
		if err != nil {
			return nil, err
		}
		former := keep
		keep = func(i *issue) bool { return former(i) && matches(i) }
	}
	var found []*issue
	for _, i := range s.all {
		if keep(i) {
			found = append(found, i)
		}
	}
	slices.SortFunc(found, func(a, b *issue) int {
		order := cmp.Or(a.at(field).Compare(b.at(field)), cmp.Compare(a.project, b.project), cmp.Compare(a.num, b.num))
		if down {
			return -order
		}
		return order
	})
	return found, nil
}

func (i *issue) at(field string) time.Time {
	if field == "updated" {
		return i.updated
	}
	return i.created
}

// read reads one condition; whole is it with a list's own brackets.
func read(condition, whole string) (func(*issue) bool, error) {
	if m := bound.FindStringSubmatch(condition); m != nil {
		ms, err := strconv.ParseInt(m[3], 10, 64)
		at := time.UnixMilli(ms)
		return func(i *issue) bool { return i.at(m[1]).Before(at) == (m[2] == "<") }, err
	}
	for _, text := range []string{whole, condition, strings.TrimPrefix(whole, "(")} {
		if m := projects.FindStringSubmatch(text); m != nil {
			return func(i *issue) bool { return strings.Contains(m[1]+m[2], strconv.Quote(i.project)) }, nil
		}
	}
	return nil, &refusal{http.StatusBadRequest, "The demo's Jira does not understand '" + whole + "'."}
}
