// The meaning of JQL: a clause becomes a predicate over the store.

package jiratest

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// predicate reports whether an issue matches.
type predicate func(*record) bool

func nothing(*record) bool { return false }

// binder turns clauses into predicates. It reads the store, so the caller
// holds its lock while binding and while matching.
type binder struct {
	store     *store
	flavour   Flavour
	zone      *time.Location
	now       time.Time
	precision time.Duration
	lags      bool // the index has the state of an earlier time
	visible   bool // false: the caller sees no project
	// unsearchable are the keys of projects that no query finds.
	unsearchable []string
	relative     *bool // set if a date depends on the time of the query
	lenient      bool  // values that do not exist are left out of a list, without an error
}

func (b binder) bind(c *clause) (predicate, error) {
	switch {
	case c == nil:
		return func(*record) bool { return true }, nil
	case c.node == "":
		return b.leaf(c)
	}
	parts := make([]predicate, len(c.parts))
	for i, part := range c.parts {
		var err error
		if parts[i], err = b.bind(part); err != nil {
			return nil, err
		}
	}
	switch c.node {
	case "not":
		return func(r *record) bool { return !parts[0](r) }, nil
	case "and":
		return func(r *record) bool {
			return !slices.ContainsFunc(parts, func(p predicate) bool { return !p(r) })
		}, nil
	default:
		return func(r *record) bool {
			return slices.ContainsFunc(parts, func(p predicate) bool { return p(r) })
		}, nil
	}
}

func (b binder) leaf(c *clause) (predicate, error) {
	switch strings.ToLower(c.field) {
	case "project":
		return b.project(c)
	case "id", "key", "issue", "issuekey":
		return b.issue(c)
	case "created", "createddate":
		return b.date(c, func(r *record) time.Time { return r.created })
	case "updated", "updateddate":
		return b.date(c, func(r *record) time.Time { return b.indexed(r).updated })
	case "status", "priority", "resolution", "assignee", "reporter", "creator":
		return b.named(c, strings.ToLower(c.field))
	case "issuetype", "type":
		return b.named(c, "issuetype")
	}
	return nil, badJQL("Field '" + c.field + "' does not exist or you do not have permission to view it.")
}

// indexed returns what the index has of an issue.
func (b binder) indexed(r *record) indexed {
	if !b.lags {
		return r.now()
	}
	return r.asOf(b.now)
}

func unsupported(c *clause) error {
	return badJQL("The operator '" + c.operator + "' is not supported by the '" + c.field + "' field.")
}

// equality returns the predicate of =, !=, in and not in over a membership test.
func equality(c *clause, member predicate) (predicate, error) {
	switch c.operator {
	case "=", "in":
		return member, nil
	case "!=", "not in":
		return func(r *record) bool { return !member(r) }, nil
	}
	return nil, unsupported(c)
}

func (b binder) project(c *clause) (predicate, error) {
	if !b.visible && b.flavour == Cloud {
		return nothing, nil // Cloud says 200 with no issues to a caller without permission
	}
	wanted := map[*project]bool{}
	for _, v := range c.values {
		p := b.store.projectNamed(v.text)
		if p == nil || !b.visible || !p.is(Live) || slices.Contains(b.unsearchable, p.key) {
			return nil, badJQL("The value '" + v.text + "' does not exist for the field '" + c.field + "'.")
		}
		wanted[p] = true
	}
	return equality(c, func(r *record) bool { return wanted[b.indexed(r).project] })
}

// issue binds id, key, issue and issuekey, which are one field. A comparison
// looks the issue up and compares key numbers within its project.
func (b binder) issue(c *clause) (predicate, error) {
	records := make([]*record, 0, len(c.values))
	for _, v := range c.values {
		r := b.store.find(v.text)
		if r == nil || !b.visible || !r.found() {
			if b.flavour == Cloud || b.lenient {
				continue // Cloud matches nothing instead of an error
			}
			return nil, missingIssue(c, v)
		}
		records = append(records, r)
	}
	if slices.Contains([]string{"=", "in", "!=", "not in"}, c.operator) {
		return equality(c, func(r *record) bool { return slices.Contains(records, r) })
	}
	if !isComparison(c.operator) {
		return nil, unsupported(c)
	}
	if len(records) == 0 {
		return nothing, nil
	}
	limit, home := int64(records[0].num), records[0].project
	return func(r *record) bool {
		return r.project == home && compares(c.operator, int64(r.num), limit)
	}, nil
}

func missingIssue(c *clause, v operand) error {
	if _, err := strconv.ParseInt(v.text, 10, 64); err == nil {
		return badJQL("A value with ID '" + v.text + "' does not exist for the field '" + c.field + "'.")
	}
	if _, _, err := splitKey(v.text); err == nil {
		return badJQL("An issue with key '" + v.text + "' does not exist for field '" + c.field + "'.")
	}
	return badJQL("The issue key '" + v.text + "' for field '" + c.field + "' is invalid.")
}

func isComparison(operator string) bool {
	return slices.Contains([]string{"<", "<=", ">", ">="}, operator)
}

func compares(operator string, a, b int64) bool {
	switch operator {
	case "<":
		return a < b
	case "<=":
		return a <= b
	case ">":
		return a > b
	case ">=":
		return a >= b
	}
	return a == b
}

func (b binder) date(c *clause, of func(*record) time.Time) (predicate, error) {
	if !isComparison(c.operator) && c.operator != "=" {
		return nil, unsupported(c)
	}
	limit, ok := b.moment(c.values[0])
	if !ok {
		return nil, badJQL("Date value '" + c.values[0].text + "' for field '" + c.field +
			"' is invalid. Valid formats include: " +
			"'yyyy/MM/dd HH:mm', 'yyyy-MM-dd HH:mm', 'yyyy/MM/dd', 'yyyy-MM-dd', or a period " +
			"format e.g. '-5d', '4w 2d'.")
	}
	want := b.coarse(limit)
	return func(r *record) bool { return compares(c.operator, b.coarse(of(r)), want) }, nil
}

func (b binder) coarse(t time.Time) int64 {
	ms := t.UnixMilli()
	if step := b.precision.Milliseconds(); step > 1 {
		ms -= ms % step
	}
	return ms
}

// moment reads a JQL date: epoch milliseconds, a date with or without minutes
// in the account's zone, or a period back from now.
func (b binder) moment(v operand) (time.Time, bool) {
	if ms, err := strconv.ParseInt(v.text, 10, 64); err == nil {
		return time.UnixMilli(ms), true
	}
	for _, layout := range []string{"2006-01-02 15:04", "2006/01/02 15:04", "2006-01-02", "2006/01/02"} {
		if t, err := time.ParseInLocation(layout, v.text, b.zone); err == nil {
			return t, true
		}
	}
	if b.relative != nil {
		*b.relative = true
	}
	if len(v.text) < 2 {
		return time.Time{}, false
	}
	n, err := strconv.Atoi(v.text[:len(v.text)-1])
	unit, ok := map[byte]time.Duration{'m': time.Minute, 'h': time.Hour, 'd': 24 * time.Hour,
		'w': 7 * 24 * time.Hour}[v.text[len(v.text)-1]]
	if err != nil || !ok {
		return time.Time{}, false
	}
	return b.now.Add(time.Duration(n) * unit), true
}

// named binds fields that are compared by the name of their value.
func (b binder) named(c *clause, name string) (predicate, error) {
	empty := func(r *record) bool { return r.text(name) == "" }
	switch c.operator {
	case "is":
		return empty, nil
	case "is not":
		return func(r *record) bool { return !empty(r) }, nil
	}
	return equality(c, func(r *record) bool {
		own := valueOf(r.raw(name))
		return slices.ContainsFunc(c.values, func(v operand) bool {
			return own.called(v.text) || own == (value{}) && strings.EqualFold(v.text, "empty")
		})
	})
}
