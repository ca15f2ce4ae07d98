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

// emoticon reads an emoticon at i. One that a letter or digit touches, such as f(x), is text.
func (f *flow) emoticon(i int) int {
	for _, e := range emoticons[f.src[i]] {
		if !f.has(i, e.source) || wordAfter(f.src, i+len(e.source), f.end) {
			continue
		}
		last := e.source[len(e.source)-1]
		if (f.src[i] == '(' || alnum(last)) && wordBefore(f.src, i) {
			continue
		}
		return f.emit(i, i+len(e.source), Node{Kind: Emoji, Text: e.text, Attr: e.source})
	}
	return i + 1
}
