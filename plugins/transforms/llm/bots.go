// Bots: accounts whose comments are useless for training.

package llm

import "strings"

// bots are the names and patterns in the settings, in lower case.
type bots struct {
	names    map[string]bool
	patterns []string
}

func newBots(names, patterns []string) bots {
	b := bots{names: make(map[string]bool, len(names))}
	for _, n := range names {
		b.names[strings.ToLower(n)] = true
	}
	for _, p := range patterns {
		b.patterns = append(b.patterns, strings.ToLower(p))
	}
	return b
}

// match reports whether any name of an account matches.
func (b bots) match(p person) bool {
	for _, s := range [...]string{p.login, p.display, p.id} {
		if s == "" {
			continue
		}
		s = strings.ToLower(s)
		if b.names[s] {
			return true
		}
		for _, pattern := range b.patterns {
			if wildcard(pattern, s) {
				return true
			}
		}
	}
	return false
}

// wildcard reports whether s matches the pattern; * matches any text.
func wildcard(pattern, s string) bool {
	parts := strings.Split(pattern, "*")
	if len(parts) == 1 {
		return pattern == s
	}
	last := len(parts) - 1
	if !strings.HasPrefix(s, parts[0]) {
		return false
	}
	s = s[len(parts[0]):]
	for _, part := range parts[1:last] {
		_, after, ok := strings.Cut(s, part)
		if !ok {
			return false
		}
		s = after
	}
	return strings.HasSuffix(s, parts[last])
}
