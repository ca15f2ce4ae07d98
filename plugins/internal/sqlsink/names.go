// Names: what a field or stream is called in a database.

package sqlsink

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// namer gives names within one scope: the columns of a table, or the tables of a sink. A name that
// is taken, or that the database cannot have, ends in a hash of what it stands for.
type namer struct {
	limit   int               // in bytes, or in characters if wide
	wide    bool              // the limit counts characters
	fold    bool              // names that differ in case alone are one
	snake   bool              // my_name instead of myName
	bmp     bool              // no characters beyond the basic plane
	refused map[string]bool   // names that the database keeps to itself
	taken   map[string]string // by whom
	changed []string          // what is not called as it is, for people
}

// name returns the name for what is called so.
func (n *namer) name(called string) string {
	want := called
	if n.snake {
		want = snake(called)
	}
	out := n.fitting(want)
	key := n.key(out)
	if _, taken := n.taken[key]; taken || out != want || n.refused[key] {
		sum := sha256.Sum256([]byte(called))
		suffix := "_" + hex.EncodeToString(sum[:4])
		out = n.cut(out, len(suffix)) + suffix
		key = n.key(out)
	}
	if n.taken == nil {
		n.taken = map[string]string{}
	}
	n.taken[key] = called
	if out != called {
		n.changed = append(n.changed, fmt.Sprintf("%q is called %q", called, out))
	}
	return out
}

func (n *namer) key(name string) string {
	if n.fold {
		return strings.ToLower(name)
	}
	return name
}

// fitting is the name with nothing in it that a database refuses.
func (n *namer) fitting(name string) string {
	out := strings.Map(func(r rune) rune {
		if r == 0 || r == utf8.RuneError || n.bmp && r > 0xffff {
			return '_'
		}
		return r
	}, name)
	if out = n.cut(out, 0); n.bmp {
		out = strings.TrimRight(out, " ")
	}
	return out
}

// cut leaves room for some bytes within the limit.
func (n *namer) cut(name string, room int) string {
	size := func(s string) int {
		if n.wide {
			return utf8.RuneCountInString(s)
		}
		return len(s)
	}
	for size(name) > n.limit-room {
		_, last := utf8.DecodeLastRuneInString(name)
		name = name[:len(name)-last]
	}
	return name
}

// snake turns aName, a-name and "A name" into a_name.
func snake(name string) string {
	var out strings.Builder
	var last rune
	for _, r := range name {
		switch {
		case unicode.IsUpper(r):
			if unicode.IsLower(last) || unicode.IsDigit(last) {
				out.WriteByte('_')
			}
			out.WriteRune(unicode.ToLower(r))
		case unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r):
			out.WriteRune(r)
		default:
			out.WriteByte('_')
		}
		last = r
	}
	return out.String()
}
