// wellformed: checks whether a plugin's records may reach a sink. Sinks write records unchanged: a
// line that is not JSON would make their output unreadable, and a record with a field "_op" would
// be read as a deletion. First-party plugins write records with the sdk and fixed field names, and
// are not checked.

package pipeline

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"math/bits"
	"unicode/utf8"

	"github.com/scrapekit/scrapekit/sdk"
)

// Reasons for rejecting a record.
const (
	reasonNoJSON   = "not valid JSON: the plugin must emit one JSON value a line, in UTF-8"
	reasonReserved = `reserved field "_op": the record would be read as a deletion or the like: rename the field`
	reasonKey      = "invalid key: it must be a JSON object with a field"
)

// wellFormed splits a batch into records that may reach a sink and others. If all may, keys
// receives the keys of the batch; nil: not needed.
func wellFormed(b sdk.Batch, keys *keySum) (sdk.Batch, []sdk.Reject) {
	if utf8.Valid(b.Payload) && allGood(b.Op, b.Payload, keys) {
		return b, nil
	}
	keys.unknown()
	good := sdk.Batch{Stream: b.Stream, Op: b.Op, Payload: make([]byte, 0, len(b.Payload))}
	var bad []sdk.Reject
	for record := range b.Records() {
		why := problem(b.Op, record)
		if why == "" {
			good.Payload, good.Count = append(append(good.Payload, record...), '\n'), good.Count+1
			continue
		}
		bad = append(bad, sdk.Reject{Stream: b.Stream, Record: bytes.Clone(record), Reason: why})
	}
	return good, bad
}

// allGood reports whether no line has a problem. It finds the ends of lines while it scans.
func allGood(op sdk.Op, lines []byte, keys *keySum) bool {
	s := scan{in: lines, keys: keys}
	for s.at < len(lines) {
		if !s.value() || s.at >= len(lines) || lines[s.at] != '\n' || s.problem(op) != "" {
			return false
		}
		keys.record()
		s.at++
	}
	return true
}

// problem returns why a line (without its end) must not reach a sink, or "".
func problem(op sdk.Op, line []byte) string {
	s := scan{in: line}
	if !utf8.Valid(line) || !s.value() || s.at != len(line) {
		return reasonNoJSON
	}
	return s.problem(op)
}

// maxNesting bounds the nesting of values, as in encoding/json.
const maxNesting = 10_000

// scan validates JSON in one pass and remembers only the open brackets. It is several times as fast
// as json.Valid, which works byte by byte.
type scan struct {
	in    []byte
	at    int
	stack []byte // closing bracket of each open value

	named    bool // the last value is an object with a field
	reserved bool // and has a field "_op"

	keys  *keySum // nil: not needed
	field int     // number of the current key field, whose value began at from; 0: none
	from  int
}

// problem returns why the last value, which is JSON, is rejected, or "". A deletion without a field
// in its key would mean all records.
func (s *scan) problem(op sdk.Op) string {
	switch {
	case s.reserved:
		return reasonReserved
	case op == sdk.Delete && !s.named:
		return reasonKey
	}
	return ""
}

// value reads a value and the blanks around it, up to the end of the line.
func (s *scan) value() bool {
	s.stack, s.named, s.reserved, s.field = s.stack[:0], false, false, 0
	for {
		// A value begins here.
		s.blanks()
		if s.at >= len(s.in) {
			return false
		}
		ok := true
		switch c := s.in[s.at]; c {
		case '{', '[':
			if len(s.stack) >= maxNesting {
				return false
			}
			s.stack = append(s.stack, c+2) // each closing bracket is its opening one plus 2 in ASCII
			s.at++
			s.blanks()
			if s.at < len(s.in) && s.in[s.at] == c+2 {
				break // an empty one ends like any other, below
			}
			if c == '{' && !s.key() {
				return false
			}
			continue
		case '"':
			ok = s.text()
		case 't':
			ok = s.word("true")
		case 'f':
			ok = s.word("false")
		case 'n':
			ok = s.word("null")
		default:
			ok = s.number()
		}
		if !ok {
			return false
		}
		// A value has ended, or an empty object or array is about to be closed.
		more := false
		for !more {
			if s.field > 0 && len(s.stack) == 1 {
				s.keys.value(s.field, s.in[s.from:s.at])
				s.field = 0
			}
			s.blanks()
			if len(s.stack) == 0 {
				return true
			}
			if s.at >= len(s.in) {
				return false
			}
			open := s.stack[len(s.stack)-1]
			switch s.in[s.at] {
			case open:
				s.stack = s.stack[:len(s.stack)-1]
				s.at++
			case ',':
				s.at++
				if open == '}' {
					s.blanks()
					if !s.key() {
						return false
					}
				}
				more = true
			default:
				return false
			}
		}
	}
}

// key reads the key of an object and its colon.
func (s *scan) key() bool {
	from := s.at
	if s.at >= len(s.in) || s.in[s.at] != '"' || !s.text() {
		return false
	}
	if len(s.stack) == 1 {
		s.named, s.reserved = true, s.reserved || isReserved(s.in[from:s.at])
		s.field = s.keys.field(s.in[from:s.at])
	}
	s.blanks()
	if s.at >= len(s.in) || s.in[s.at] != ':' {
		return false
	}
	s.at++
	s.blanks()
	s.from = s.at
	return true
}

// isReserved reports whether a quoted key is "_op", in any escaping. Few keys need a closer look.
func isReserved(key []byte) bool {
	if key[1] != '_' && key[1] != '\\' {
		return false
	}
	var name string
	return json.Unmarshal(key, &name) == nil && name == "_op"
}

func (s *scan) blanks() {
	for s.at < len(s.in) && (s.in[s.at] == ' ' || s.in[s.at] == '\t' || s.in[s.at] == '\r') {
		s.at++
	}
}

func (s *scan) word(w string) bool {
	if len(s.in)-s.at < len(w) || string(s.in[s.at:s.at+len(w)]) != w {
		return false
	}
	s.at += len(w)
	return true
}

// text reads the string that begins here.
func (s *scan) text() bool {
	in, at := s.in, s.at+1
	for {
		for len(in)-at >= 8 {
			if n := plain(binary.LittleEndian.Uint64(in[at:])); n < 8 {
				at += n
				break
			}
			at += 8
		}
		if at >= len(in) {
			return false
		}
		switch c := in[at]; {
		case c == '"':
			s.at = at + 1
			return true
		case c < ' ':
			return false
		case c != '\\':
			at++
		default:
			n := escape(in[at:])
			if n == 0 {
				return false
			}
			at += n
		}
	}
}

// plain returns the number of leading bytes among eight that are no quote, backslash or control
// character.
func plain(w uint64) int {
	const ones, tops = 0x0101010101010101, 0x8080808080808080
	quote, back := w^(ones*'"'), w^(ones*'\\')
	special := (w - ones*' ') &^ w & tops
	special |= (quote - ones) &^ quote & tops
	special |= (back - ones) &^ back & tops
	return bits.TrailingZeros64(special) / 8
}

// escape returns the length of an escape sequence; 0: invalid.
func escape(in []byte) int {
	if len(in) < 2 {
		return 0
	}
	switch in[1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return 2
	case 'u':
		if len(in) >= 6 && isHex(in[2]) && isHex(in[3]) && isHex(in[4]) && isHex(in[5]) {
			return 6
		}
	}
	return 0
}

func isHex(c byte) bool { return '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'f' }

// number reads the number that begins here.
func (s *scan) number() bool {
	s.one("-")
	if !s.one("0") && !s.digits() {
		return false
	}
	if s.one(".") && !s.digits() {
		return false
	}
	if s.one("eE") {
		s.one("+-")
		return s.digits()
	}
	return true
}

// one reads one character if it is in of.
func (s *scan) one(of string) bool {
	if s.at < len(s.in) && bytes.IndexByte([]byte(of), s.in[s.at]) >= 0 {
		s.at++
		return true
	}
	return false
}

func (s *scan) digits() bool {
	from := s.at
	for s.at < len(s.in) && '0' <= s.in[s.at] && s.in[s.at] <= '9' {
		s.at++
	}
	return s.at > from
}
