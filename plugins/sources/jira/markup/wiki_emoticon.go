// Emoticons, written as the characters that they stand for.

package markup

// emoticons are grouped by their first byte; a longer one comes before its own beginning.
var emoticons = map[byte][]struct{ source, text string }{
	':': {{":-)", "🙂"}, {":)", "🙂"}, {":-(", "😞"}, {":(", "😞"}, {":-P", "😛"}, {":P", "😛"}, {":-p", "😛"}, {":p", "😛"}, {":-D", "😃"}, {":D", "😃"}},
	';': {{";-)", "😉"}, {";)", "😉"}},
	'(': {
		{"(y)", "👍"}, {"(n)", "👎"}, {"(i)", "ℹ️"}, {"(/)", "✅"}, {"(x)", "❌"}, {"(!)", "⚠️"},
		{"(+)", "➕"}, {"(-)", "➖"}, {"(?)", "❓"}, {"(on)", "💡"}, {"(off)", "💡"},
		{"(*)", "⭐"}, {"(*r)", "⭐"}, {"(*g)", "⭐"}, {"(*b)", "⭐"}, {"(*y)", "⭐"}, {"(flag)", "🚩"}, {"(flagoff)", "🏳️"},
	},
}

// emoticon reads an emoticon at i. As Jira has it, no letter or digit may follow one, while any may stand before it:
// the x of f(x) is a cross. Only of an entity such as &amp; the semicolon begins none.
func (f *flow) emoticon(i int) int {
	if f.src[i] == ';' && endsEntity(f.src[:i]) {
		return i + 1
	}
	for _, e := range emoticons[f.src[i]] {
		end := i + len(e.source)
		if f.has(i, e.source) && (end >= f.end || !alnum(f.src[end])) {
			return f.emit(i, end, Node{Kind: Emoji, Text: e.text, Attr: e.source})
		}
	}
	return i + 1
}

// endsEntity reports whether s ends with an entity but for its semicolon.
func endsEntity(s string) bool {
	const longest = 10
	i := len(s)
	for i > 0 && len(s)-i < longest && alnum(s[i-1]) {
		i--
	}
	name := i < len(s)
	if i > 0 && s[i-1] == '#' {
		i--
	}
	return name && i > 0 && s[i-1] == '&'
}
