// Cleaning: removes what must never be in a corpus, and marks what it cuts.

package llm

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// clean normalises line ends, and removes control characters and byte order marks.
func clean(s string) string {
	if strings.IndexFunc(s, unwanted) < 0 {
		return s
	}
	s = strings.ReplaceAll(s, "\r\n", "\n")
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\r', r == '\u2028', r == '\u2029', r == '\u0085':
			return '\n'
		case unwanted(r):
			return -1
		}
		return r
	}, s)
}

func unwanted(r rune) bool {
	if r < utf8.RuneSelf {
		return r < ' ' && r != '\n' && r != '\t' || r == 0x7f
	}
	return r <= 0x9f || r == '\ufeff' || r == '\u2028' || r == '\u2029'
}

// truncateLines keeps the first three quarters and the last quarter of limit lines, with a mark in
// between.
func truncateLines(s string, limit int) string {
	if limit <= 0 || strings.Count(s, "\n") < limit {
		return s
	}
	lines := strings.Split(s, "\n")
	tail := limit / 4
	head := limit - tail
	mark := fmt.Sprintf("[… %d lines left out …]", len(lines)-limit)
	kept := append(append(lines[:head:head], mark), lines[len(lines)-tail:]...)
	return strings.Join(kept, "\n")
}

// truncateChars cuts a text at a line end before limit characters, closes an open code fence, and
// adds a mark.
func truncateChars(s string, limit int) string {
	if limit <= 0 || len(s) <= limit || utf8.RuneCountInString(s) <= limit {
		return s
	}
	const mark = "[… the rest is left out …]"
	end := 0
	for n := 0; n < max(limit-len(mark)-16, 0); n++ {
		_, size := utf8.DecodeRuneInString(s[end:])
		end += size
	}
	if i := strings.LastIndexByte(s[:end], '\n'); i > end/2 {
		end = i
	}
	s = strings.TrimRight(s[:end], " \n")
	if strings.Count("\n"+s, "\n```")%2 == 1 {
		s += "\n```"
	}
	return s + "\n\n" + mark
}
