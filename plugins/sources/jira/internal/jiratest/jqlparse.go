// The JQL grammar: text to a tree of clauses and a list of sort keys.

package jiratest

import (
	"fmt"
	"strings"
)

// query is a parsed JQL text.
type query struct {
	text  string
	where *clause // nil: no restriction
	order []sortKey
}

// clause is a leaf (field, operator, values) or a node (and, or, not).
type clause struct {
	node     string // "and", "or", "not"; "" for a leaf
	parts    []*clause
	field    string
	operator string // "=", "!=", "<", "<=", ">", ">=", "in", "not in", "is", "is not"
	values   []operand
}

// operand is a value as written; quoted values are never read as numbers.
type operand struct {
	text   string
	quoted bool
}

type sortKey struct {
	field string
	desc  bool
}

// badJQL is the text of a 400 of Jira.
type badJQL string

func (e badJQL) Error() string { return string(e) }

func parseJQL(text string) (query, error) {
	tokens, err := lexJQL(text)
	if err != nil {
		return query{}, err
	}
	p := &jqlParser{tokens: tokens}
	q := query{text: text}
	if !p.done() && !p.keyword("order") {
		if q.where, err = p.or(0); err != nil {
			return query{}, err
		}
	}
	if p.accept("order") {
		if q.order, err = p.orderBy(); err != nil {
			return query{}, err
		}
	}
	if !p.done() {
		return query{}, p.fail("Expecting either 'OR' or 'AND' but got '%s'.")
	}
	return q, nil
}

type jqlParser struct {
	tokens []token
	at     int
}

func (p *jqlParser) done() bool { return p.at >= len(p.tokens) }

func (p *jqlParser) next() (token, bool) {
	if p.done() {
		return token{}, false
	}
	p.at++
	return p.tokens[p.at-1], true
}

// keyword reports whether the next token is this bare word or symbol.
func (p *jqlParser) keyword(word string) bool {
	return !p.done() && !p.tokens[p.at].quoted && strings.EqualFold(p.tokens[p.at].text, word)
}

func (p *jqlParser) accept(word string) bool {
	if p.keyword(word) {
		p.at++
		return true
	}
	return false
}

// fail returns an error at the current token, in Jira's words.
func (p *jqlParser) fail(format string) error {
	if p.done() {
		return badJQL("Error in the JQL Query: The query ended before it was complete.")
	}
	t := p.tokens[p.at]
	return badJQL("Error in the JQL Query: " + fmt.Sprintf(format, t.text) + fmt.Sprintf(" (line 1, character %d)",
		t.at+1))
}

// maxDepth bounds the nesting of parentheses and NOT, because queries come from callers.
const maxDepth = 100

func (p *jqlParser) or(depth int) (*clause, error) {
	return p.chain("or", func() (*clause, error) {
		return p.chain("and", func() (*clause, error) { return p.unary(depth) })
	})
}

func (p *jqlParser) chain(word string, part func() (*clause, error)) (*clause, error) {
	node := &clause{node: word}
	for {
		c, err := part()
		if err != nil {
			return nil, err
		}
		node.parts = append(node.parts, c)
		if !p.accept(word) {
			break
		}
	}
	if len(node.parts) == 1 {
		return node.parts[0], nil
	}
	return node, nil
}

func (p *jqlParser) unary(depth int) (*clause, error) {
	if depth > maxDepth {
		return nil, badJQL("Error in the JQL Query: The query is nested too deeply.")
	}
	if p.accept("not") || p.accept("!") {
		c, err := p.unary(depth + 1)
		return &clause{node: "not", parts: []*clause{c}}, err
	}
	if !p.accept("(") {
		return p.leaf()
	}
	c, err := p.or(depth + 1)
	if err != nil {
		return nil, err
	}
	if !p.accept(")") {
		return nil, p.fail("Expecting ')' but got '%s'.")
	}
	return c, nil
}

func (p *jqlParser) leaf() (*clause, error) {
	t, ok := p.next()
	if !ok {
		return nil, p.fail("")
	}
	if t.symbol {
		p.at--
		return nil, p.fail("Expecting a field name but got '%s'. You must surround '%[1]s' in quotation marks " +
			"to use it as a field name.")
	}
	c := &clause{field: t.text}
	if err := p.operator(c); err != nil {
		return nil, err
	}
	if c.operator == "in" || c.operator == "not in" {
		return c, p.list(c)
	}
	return c, p.value(c)
}

func (p *jqlParser) operator(c *clause) error {
	symbols := []string{"=", "!=", "<=", ">=", "<", ">", "~", "!~", "in"}
	for _, symbol := range symbols {
		if p.accept(symbol) {
			c.operator = symbol
			return nil
		}
	}
	switch {
	case p.keyword("not") && p.at+1 < len(p.tokens) && strings.EqualFold(p.tokens[p.at+1].text, "in"):
		p.at += 2
		c.operator = "not in"
	case p.accept("is"):
		c.operator = "is"
		if p.accept("not") {
			c.operator = "is not"
		}
	default:
		return p.fail("Expecting operator but got '%s'. The valid operators are '=', '!=', '<', '>', '<=', '>=', " +
			"'~', '!~', 'IN', 'NOT IN', 'IS' and 'IS NOT'.")
	}
	return nil
}

func (p *jqlParser) value(c *clause) error {
	t, ok := p.next()
	if !ok {
		return p.fail("")
	}
	if t.symbol {
		p.at--
		return p.fail("Expecting either a value, list or function but got '%s'. You must surround '%[1]s' in " +
			"quotation marks to use it as a value.")
	}
	c.values = append(c.values, operand{t.text, t.quoted})
	return nil
}

func (p *jqlParser) list(c *clause) error {
	if !p.accept("(") {
		return p.fail("Expecting a list but got '%s'.")
	}
	for {
		if err := p.value(c); err != nil {
			return err
		}
		if p.accept(")") {
			return nil
		}
		if !p.accept(",") {
			return p.fail("Expecting ',' or ')' but got '%s'.")
		}
	}
}

func (p *jqlParser) orderBy() ([]sortKey, error) {
	if !p.accept("by") {
		return nil, p.fail("Expecting 'by' but got '%s'.")
	}
	var keys []sortKey
	for {
		t, ok := p.next()
		if !ok || t.symbol {
			p.at = min(p.at, len(p.tokens))
			return nil, badJQL("Error in the JQL Query: Expecting a field name at the end of the query.")
		}
		key := sortKey{field: strings.ToLower(t.text)}
		if p.accept("desc") {
			key.desc = true
		} else {
			p.accept("asc")
		}
		keys = append(keys, key)
		if !p.accept(",") {
			return keys, nil
		}
	}
}

// bounded reports whether a query restricts its result, which Cloud requires.
func (q query) bounded() bool { return q.where != nil }
