// Links: [text|address], [~user], [^file], !image!, and bare URLs.

package markup

import "strings"

// overLink returns the position after a bracketed part at i, or after the bracket if it is not
// closed in its line.
func (f *flow) overLink(i int) int {
	if end := f.bracketEnd(i); end > 0 {
		return end + 1
	}
	return i + 1
}

// bracketEnd returns the position of the bracket that closes the one at i: on the same line, with
// no other bracket between, and not directly after it. 0 means none.
func (f *flow) bracketEnd(i int) int {
	for j := i + 1; j < f.end; j++ {
		switch f.src[j] {
		case '[', '\n':
			return 0
		case ']':
			if j == i+1 {
				return 0
			}
			return j
		}
	}
	return 0
}

// link reads a bracketed link. Brackets around anything else are text.
func (f *flow) link(i int) int {
	if f.mode&noLinks != 0 {
		return i + 1
	}
	end := f.bracketEnd(i)
	if end == 0 {
		return i + 1
	}
	label, target := splitLink(f.src[i+1 : end])
	switch {
	case len(target) > 1 && target[0] == '^':
		return f.emit(i, end+1, Node{Kind: Media, Attr: strings.TrimSpace(target[1:])})
	case len(target) > 1 && target[0] == '~' && !strings.EqualFold(target, "~accountid:"):
		return f.emit(i, end+1, Node{Kind: Mention, Attr: strings.TrimPrefix(target[1:], "accountid:"), Text: label})
	case safeURL(target):
		return f.emit(i, end+1, f.linkNodes(i+1, label, target)...)
	}
	return f.emit(i, end+1, f.flow2(i, end+1, noBlocks|noDashes|noLinks|noURLs)...)
}

// splitLink splits "label|target|title". A single part is the target, without a label.
func splitLink(s string) (label, target string) {
	if before, after, ok := strings.Cut(s, "|"); ok {
		// A pipe within !image|options! belongs to the image.
		if open := strings.IndexByte(before, '!'); open >= 0 && strings.Count(before, "!") == 1 {
			if n := strings.Index(after, "!|"); n >= 0 {
				before, after = s[:len(before)+1+n+1], after[n+2:]
			}
		}
		label, target = before, after
		if before == "" {
			label = ""
		}
	} else {
		target = s
	}
	target, _, _ = strings.Cut(target, "|")
	return label, strings.TrimSpace(target)
}

// linkNodes makes the nodes of a link whose label begins at start; without a label the address is
// shown.
func (f *flow) linkNodes(start int, label, target string) []Node {
	shown := strings.TrimPrefix(target, "mailto:")
	if strings.TrimSpace(label) == "" {
		return []Node{{Kind: Text, Text: shown, Href: target}}
	}
	nodes, ok := f.nested(func() []Node {
		return f.flow2(start, start+len(label), noBlocks|noDashes|noLinks|noURLs)
	})
	if !ok {
		nodes = []Node{{Kind: Text, Text: label}}
	}
	linked := false
	for i := range nodes {
		if k := nodes[i].Kind; k == Text || k == Media || k == Emoji {
			nodes[i].Href = target
			linked = true
		}
	}
	if !linked {
		nodes = append(nodes, Node{Kind: Text, Text: shown, Href: target})
	}
	return nodes
}

// schemes are the URL schemes that a link may have. Anything else in brackets is text.
var schemes = [...]string{
	"http://", "https://", "ftp://", "ftps://", "file://", "smb://", "mailto:", "tel:", "irc:", "news:", "git:",
	"svn:", "ssh:", "cvs:", "mvn:", "urn:", "xmpp:", "skype:", "slack:", "nntp:", "feed:", "notes:", "sip:", "sips:",
	"callto:", "facetime:", "vscode:", "magnet:", "telnet:", "rdp:", "vnc:", "gopher://", "#", "/",
}

func safeURL(s string) bool {
	for _, scheme := range schemes {
		if len(s) > len(scheme) && strings.EqualFold(s[:len(scheme)], scheme) {
			return true
		}
	}
	return false
}

// image reads !name! and !name|options!. A name without a dot or slash is no image.
func (f *flow) image(i int) int {
	if !f.opens(i, i+1) {
		return i + 1
	}
	end := f.closer(i+1, "!", 2*markKinds)
	if end < 0 {
		return i + 1
	}
	name, options, _ := strings.Cut(f.src[i+1:end], "|")
	if !strings.ContainsAny(name, "./") {
		return i + 1
	}
	alt := strings.Trim(attribute(strings.ReplaceAll(options, ",", "|"), "alt"), `"`)
	return f.emit(i, end+1, Node{Kind: Media, Level: 1, Attr: name, Text: alt})
}

// bareSchemes are the schemes that make a bare URL a link, in lower case only, as in Jira.
var bareSchemes = [...]string{"https", "http", "ftps", "ftp", "irc", "mailto"}

// url reads a bare URL whose scheme ends at the colon at i.
func (f *flow) url(i int) int {
	if f.mode&noURLs != 0 {
		return i
	}
	for _, scheme := range bareSchemes {
		if !strings.HasSuffix(f.src[f.text:i], scheme) {
			continue
		}
		body := i + 1
		if scheme != "mailto" {
			if !f.has(i, "://") {
				return i
			}
			body = i + 3
		}
		end := urlEnd(f.src[:f.end], body)
		if end <= body {
			return i
		}
		start := i - len(scheme)
		shown := f.src[start:end]
		if scheme == "mailto" {
			shown = f.src[body:end]
		}
		return f.emit(start, end, Node{Kind: Text, Text: shown, Href: unescape(f.src[start:end])})
	}
	return i
}

// urlEnd returns the end of the URL whose body begins at i. Punctuation at the end belongs to the
// sentence, and a backslash to the character after it.
func urlEnd(s string, i int) int {
	end := i
	for end < len(s) && urlByte[s[end]] {
		end++
	}
	for end > i && (strings.IndexByte(`.,>)];}"'!?`, s[end-1]) >= 0 || s[end-1] == '\\' && end < len(s) &&
		protectable[s[end]]) {
		end--
	}
	return end
}

var urlByte = func() (t [256]bool) {
	for c := range 128 {
		t[c] = alnum(byte(c))
	}
	for _, c := range []byte(`_?!~^/\#$%&'()*+,-.:;<=@`) {
		t[c] = true
	}
	return t
}()
