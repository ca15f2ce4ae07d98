// Scanning: finding one's way through JSON that a decoder has checked already. It looks at brackets
// and quotes alone, several times as fast as a decoder, which checks every byte once more. Of what
// is no JSON it finds less, or nothing.

package rest

import (
	"bytes"

	"github.com/go-json-experiment/json/jsontext"
)

// EachMember calls each with the members of the object that begins at from, spaces before it aside:
// raw[start:end] is the value. name is good until each returns. It reports whether an object is
// there, and whole.
func EachMember(raw []byte, from int, each func(name []byte, start, end int)) bool {
	return ScanObject(raw, from, func(name []byte, start int) int {
		end := Skip(raw, start)
		if end >= 0 {
			each(name, start, end)
		}
		return end
	}) >= 0
}

// EachElement is EachMember for the elements of an array.
func EachElement(raw []byte, from int, each func(start, end int)) bool {
	return ScanArray(raw, from, func(start int) int {
		end := Skip(raw, start)
		if end >= 0 {
			each(start, end)
		}
		return end
	}) >= 0
}

// ScanObject calls each with the members of the object that begins at from, spaces before it aside,
// and with where their values begin. each returns where the value ends, so that it may look into it
// on the way: Skip says it, -1 ends the scan. ScanObject returns the end of the object, -1 if there
// is none.
func ScanObject(raw []byte, from int, each func(name []byte, start int) int) int {
	i := space(raw, from)
	if at(raw, i) != '{' {
		return -1
	}
	i = space(raw, i+1)
	for at(raw, i) != '}' {
		end := text(raw, i)
		if end < 0 {
			return -1
		}
		name := raw[i+1 : end-1]
		start := space(raw, end)
		if at(raw, start) != ':' {
			return -1
		}
		if end = each(plain(name), space(raw, start+1)); end < 0 {
			return -1
		}
		if i = after(raw, end, '}'); i < 0 {
			return -1
		}
	}
	return i + 1
}

// ScanArray is ScanObject for an array.
func ScanArray(raw []byte, from int, each func(start int) int) int {
	i := space(raw, from)
	if at(raw, i) != '[' {
		return -1
	}
	i = space(raw, i+1)
	for at(raw, i) != ']' {
		end := each(i)
		if end < 0 {
			return -1
		}
		if i = after(raw, end, ']'); i < 0 {
			return -1
		}
	}
	return i + 1
}

// plain returns a name without the escapes that it may have.
func plain(name []byte) []byte {
	if bytes.IndexByte(name, '\\') < 0 {
		return name
	}
	quoted := append(append([]byte{'"'}, name...), '"')
	if text, err := jsontext.AppendUnquote(nil, quoted); err == nil {
		return text
	}
	return name
}

// after returns where the next entry begins behind one that ends at i, or where the closing bracket
// is; -1 if neither is there.
func after(raw []byte, i int, closing byte) int {
	i = space(raw, i)
	switch at(raw, i) {
	case closing:
		return i
	case ',':
		if i = space(raw, i+1); at(raw, i) != closing {
			return i
		}
	}
	return -1
}

// at returns the byte at i, 0 behind the end.
func at(raw []byte, i int) byte {
	if i >= len(raw) {
		return 0
	}
	return raw[i]
}

func space(raw []byte, i int) int {
	for i < len(raw) && (raw[i] == ' ' || raw[i] == '\n' || raw[i] == '\r' || raw[i] == '\t') {
		i++
	}
	return i
}

// Skip returns the end of the value that begins at i, -1 if there is none.
func Skip(raw []byte, i int) int {
	switch at(raw, i) {
	case '"':
		return text(raw, i)
	case '{', '[':
		return nested(raw, i)
	}
	from := i
	for i < len(raw) && literal[raw[i]] {
		i++
	}
	if i == from {
		return -1
	}
	return i
}

// literal are the bytes of numbers, true, false and null.
var literal = func() (set [256]bool) {
	for _, b := range []byte("+-.0123456789abcdefghijklmnopqrstuvwxyzE") {
		set[b] = true
	}
	return set
}()

// text returns the end of the string that begins at i, -1 if there is none.
func text(raw []byte, i int) int {
	if at(raw, i) != '"' {
		return -1
	}
	for from := i + 1; ; {
		end := quote(raw, from)
		if end < 0 {
			return -1
		}
		escapes := 0
		for raw[end-1-escapes] == '\\' { // it ends at the opening quote at the latest
			escapes++
		}
		if escapes%2 == 0 {
			return end + 1
		}
		from = end + 1
	}
}

// quote returns where the next quotation mark is, -1 if there is none. Most strings are short: to
// call for help costs more than to look.
func quote(raw []byte, i int) int {
	for near := min(i+16, len(raw)); i < near; i++ {
		if raw[i] == '"' {
			return i
		}
	}
	n := bytes.IndexByte(raw[i:], '"')
	if n < 0 {
		return -1
	}
	return i + n
}

// nested returns the end of the object or array that begins at i, -1 if it has none.
func nested(raw []byte, i int) int {
	depth := 0
	for i < len(raw) {
		switch raw[i] {
		case '"':
			if i = text(raw, i); i < 0 {
				return -1
			}
			continue
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth == 0 {
				return i + 1
			}
		}
		i++
	}
	return -1
}
