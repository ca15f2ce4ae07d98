// Emoticons, written as the characters that they stand for.

package markup

import (
	"html"
	"strings"
	"unicode"
)

// emoticons are grouped by their first byte. A longer one comes before its own prefix.
var emoticons = map[byte][]struct{ source, text string }{
	':': {{":-)", "🙂"}, {":)", "🙂"}, {":-(", "😞"}, {":(", "😞"}, {":-P", "😛"}, {":P", "😛"}, {":-p", "😛"}, {":p", "😛"},
		{":-D", "😃"}, {":D", "😃"}},
	';': {{";-)", "😉"}, {";)", "😉"}},
	'(': {
		{"(y)", "👍"}, {"(n)", "👎"}, {"(i)", "ℹ️"}, {"(/)", "✅"}, {"(x)", "❌"}, {"(!)", "⚠️"},
		{"(+)", "➕"}, {"(-)", "➖"}, {"(?)", "❓"}, {"(on)", "💡"}, {"(off)", "💡"},
		{"(*)", "⭐"}, {"(*r)", "⭐"}, {"(*g)", "⭐"}, {"(*b)", "⭐"}, {"(*y)", "⭐"}, {"(flag)", "🚩"}, {"(flagoff)", "🏳️"},
	},
}

// emoticon reads an emoticon at i. As in Jira, no letter or digit may follow one. Unlike in Jira,
// no letter or digit may precede one of letters, nor "count" precede (*): Jira makes a cross of the
// x of f(x), a thumb of the n of O(n) and a star of SQL's count(*).
func (f *flow) emoticon(i int) int {
	word := i > 0 && (alnum(f.src[i-1]) || f.src[i-1] == '_')
	for _, e := range emoticons[f.src[i]] {
		end := i + len(e.source)
		if f.has(i, e.source) && (end >= f.end || !alnum(f.src[end])) {
			if word && (strings.ContainsFunc(e.source, unicode.IsLetter) || f.counts(i, e.source)) {
				return end // as text
			}
			return f.emit(i, end, Node{Kind: Emoji, Text: e.text, Attr: e.source})
		}
	}
	return i + 1
}

// counts reports whether an emoticon at i is the argument of count(*).
func (f *flow) counts(i int, source string) bool {
	const count = "count"
	return source == "(*)" && i >= len(count) && strings.EqualFold(f.src[i-len(count):i], count)
}

// entity reads a character that is written as one of HTML's entities, as Jira's renderer shows it.
// Its writer makes them of what would be markup, so the character is none. In code they stay.
func (f *flow) entity(i int) int {
	const longest = 32
	end := strings.IndexByte(f.src[i:min(f.end, i+longest)], ';')
	if end < 2 {
		return i + 1
	}
	next := i + end + 1
	text := html.UnescapeString(f.src[i:next])
	if text == f.src[i:next] || strings.ContainsAny(text, "&;") && text != "&" && text != ";" {
		return i + 1 // no entity, or one without its semicolon in a longer word
	}
	f.flush(i)
	const joined = 1 << 10 // of a longer text each entity would be a copy
	if n := len(f.stack); n > f.base && f.stack[n-1].Kind == Text && f.stack[n-1].Marks == 0 &&
		f.stack[n-1].Href == "" && len(f.stack[n-1].Text) < joined {
		f.stack[n-1].Text += text
	} else {
		f.push(Node{Kind: Text, Text: text})
	}
	f.text, f.joins = next, true
	return next
}
