// wellformed: whether the records of a plugin are JSON. Sinks write them as they come, so one that
// is none would make their output unreadable. The plugins that are part of scrapekit make their
// records with its own writer, and need no look.

package pipeline

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"unicode/utf8"

	"github.com/scrapekit/scrapekit/sdk"
)

// reasonNoJSON is why a record is rejected that is none.
const reasonNoJSON = "not valid JSON: the plugin must emit one JSON value a line, in UTF-8"

// wellFormed divides a batch into the records that are JSON and the others.
func wellFormed(b sdk.Batch) (sdk.Batch, []sdk.Reject) {
	if utf8.Valid(b.Payload) && allJSON(b.Payload) {
		return b, nil
	}
	good := sdk.Batch{Stream: b.Stream, Op: b.Op, Payload: make([]byte, 0, len(b.Payload))}
	var bad []sdk.Reject
	for record := range b.Records() {
		if utf8.Valid(record) && isJSON(record) {
			good.Payload, good.Count = append(append(good.Payload, record...), '\n'), good.Count+1
			continue
		}
		bad = append(bad, sdk.Reject{Stream: b.Stream, Record: bytes.Clone(record), Reason: reasonNoJSON})
	}
	return good, bad
}

// allJSON reports whether each line is a JSON value. It finds the ends of lines while it scans.
func allJSON(lines []byte) bool {
	s := scan{in: lines}
	for s.at < len(lines) {
		if !s.value() || s.at >= len(lines) || lines[s.at] != '\n' {
			return false
		}
		s.at++
	}
	return true
}

// isJSON reports whether a line without its end is one JSON value.
func isJSON(line []byte) bool {
	s := scan{in: line}
	return s.value() && s.at == len(line)
}

// maxNesting is how deep a value may be nested, as encoding/json has it.
const maxNesting = 10_000

// scan goes through JSON in one pass, keeping the brackets that are open and nothing else. It is
// several times as fast as json.Valid, which works byte by byte.
type scan struct {
	in    []byte
	at    int
	stack []byte // the closing bracket of each value that is open
}

// value passes over a value and the blanks around it, but for the end of the line.
func (s *scan) value() bool {
	s.stack = s.stack[:0]
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
			s.stack = append(s.stack, c+2) // both closing brackets are two behind
			s.at++
			s.blanks()
			if s.at < len(s.in) && s.in[s.at] == c+2 {
				break // it is empty: it ends like any other, below
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
		// A value has ended, or the brackets of an empty one are about to be closed.
		more := false
		for !more {
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

// key passes over the key of an object and its colon.
func (s *scan) key() bool {
	if s.at >= len(s.in) || s.in[s.at] != '"' || !s.text() {
		return false
	}
	s.blanks()
	if s.at >= len(s.in) || s.in[s.at] != ':' {
		return false
	}
	s.at++
	return true
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

// text passes over a text that begins here.
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

// plain returns how many of eight bytes, from the first on, are neither a quote, a backslash nor a
// control character.
func plain(w uint64) int {
	const ones, tops = 0x0101010101010101, 0x8080808080808080
	quote, back := w^(ones*'"'), w^(ones*'\\')
	special := (w - ones*' ') &^ w & tops
	special |= (quote - ones) &^ quote & tops
	special |= (back - ones) &^ back & tops
	return bits.TrailingZeros64(special) / 8
}

// escape returns the length of an escape sequence, or 0 if it is none.
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

// number passes over a number that begins here.
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

// one passes over one character, if it is one of these.
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
