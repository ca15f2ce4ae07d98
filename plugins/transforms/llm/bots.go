// Bots: accounts whose comments say nothing that a model should learn.

package llm

import "strings"

// bots are the names and patterns of the settings, in small letters.
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

// match reports whether an account is a bot, by any of its names.
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

// wildcard reports whether s is what the pattern describes; * stands for anything.
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
