// The tokens of JQL: bare words, quoted strings and symbols.

package jiratest

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

type token struct {
	text   string
	at     int // byte offset, for messages
	quoted bool
	symbol bool
}

func lexJQL(text string) ([]token, error) {
	var tokens []token
	for at := 0; at < len(text); {
		r, size := utf8.DecodeRuneInString(text[at:])
		switch {
		case unicode.IsSpace(r):
			at += size
		case r == '"' || r == '\'':
			value, end, ok := lexQuoted(text, at)
			if !ok {
				return nil, badJQL("Error in the JQL Query: The quoted string '" + text[at+1:] +
					"' has not been completed.")
			}
			tokens = append(tokens, token{text: value, at: at, quoted: true})
			at = end
		case strings.ContainsRune("=!<>~(),", r):
			end := at + 1
			if strings.ContainsRune("=!<>", r) && end < len(text) &&
				(text[end] == '=' || r == '!' && text[end] == '~') {
				end++
			}
			tokens = append(tokens, token{text: text[at:end], at: at, symbol: true})
			at = end
		default:
			end := lexWord(text, at)
			tokens = append(tokens, token{text: text[at:end], at: at})
			at = end
		}
	}
	return tokens, nil
}

// lexQuoted reads a quoted string with backslash escapes.
func lexQuoted(text string, at int) (value string, end int, ok bool) {
	var b strings.Builder
	for i := at + 1; i < len(text); i++ {
		switch {
		case text[i] == '\\' && i+1 < len(text):
			i++
			b.WriteByte(text[i])
		case text[i] == text[at]:
			return b.String(), i + 1, true
		default:
			b.WriteByte(text[i])
		}
	}
	return "", 0, false
}

func lexWord(text string, at int) int {
	for i, r := range text[at:] {
		if unicode.IsSpace(r) || strings.ContainsRune("=!<>~(),\"'", r) {
			return at + i
		}
	}
	return len(text)
}
