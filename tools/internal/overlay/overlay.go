// Package overlay changes source files for the Go compiler alone: the files stay as they are.
package overlay

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// Edit is a file, a text that stands once in it, and what replaces the text. The text matches
// wherever its lines are broken.
type Edit [3]string

// Write makes the folder dir, with the edited files of the repository in root and a file for the
// flag -overlay of the compiler. It returns the name of that file. A text that does not stand
// exactly once in its file is an error.
func Write(root, dir string, edits []Edit) (string, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	edited := map[string]string{} // by path
	for _, e := range edits {
		file, from, to := e[0], e[1], e[2]
		path := filepath.Join(root, filepath.FromSlash(file))
		text, ok := edited[path]
		if !ok {
			raw, err := os.ReadFile(path)
			if err != nil {
				return "", err
			}
			text = string(raw)
		}
		found := wrapped(from).FindAllStringIndex(text, -1)
		if len(found) != 1 {
			return "", fmt.Errorf("it does not apply: %s has %d times, not once:\n%s", file, len(found), from)
		}
		edited[path] = text[:found[0][0]] + to + text[found[0][1]:]
	}
	replace := map[string]string{}
	for path, text := range edited {
		replace[path] = filepath.Join(dir, fmt.Sprintf("%d-%s", len(replace), filepath.Base(path)))
		if err := os.WriteFile(replace[path], []byte(text), 0o600); err != nil {
			return "", err
		}
	}
	raw, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return "", err
	}
	name := filepath.Join(dir, "overlay.json")
	return name, os.WriteFile(name, raw, 0o600)
}

// wrapped matches a text wherever its lines are broken: after any punctuation, and at any space.
func wrapped(text string) *regexp.Regexp {
	const may = `(?:\n\s*)?`
	var b strings.Builder
	for i, word := range regexp.MustCompile(`\w+|\s+|[^\w\s]`).FindAllString(text, -1) {
		switch {
		case i == 0:
			b.WriteString(regexp.QuoteMeta(word))
		case strings.TrimSpace(word) == "":
			b.WriteString(`\s+`)
		case regexp.MustCompile(`\w`).MatchString(word):
			b.WriteString(word)
		default:
			b.WriteString(regexp.QuoteMeta(word) + may)
		}
	}
	return regexp.MustCompile(strings.TrimSuffix(strings.ReplaceAll(b.String(), may+`\s+`, `\s+`), may))
}
