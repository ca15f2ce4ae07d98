// The path setting with its placeholders, and the file names that it gives.

package filesink

import (
	"fmt"
	pathpkg "path"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/scrapekit/scrapekit/sdk"
	"github.com/scrapekit/scrapekit/sdk/filesink/objects"
)

// template is the path setting: a folder without placeholders, and the rest below it.
type template struct {
	root string // the output folder, which holds the journal
	rest string // with placeholders and forward slashes
}

var placeholder = regexp.MustCompile(`\{[^{}]*\}`)

func parseTemplate(path string) (template, error) {
	slashed := filepath.ToSlash(filepath.Clean(path))
	scheme, bucket, key, isURL := objects.Split(path)
	if isURL {
		slashed = key
	}
	if path == "" || slashed == "" || strings.HasSuffix(filepath.ToSlash(path), "/") {
		return template{}, fmt.Errorf("path %q: it names no file", path)
	}
	for _, p := range placeholder.FindAllString(slashed, -1) {
		switch p {
		case "{stream}", "{date}", "{run}":
		default:
			return template{}, fmt.Errorf("path %q: no placeholder %s; there are {stream}, {date} and {run}", path, p)
		}
	}
	if isURL {
		if clean := pathpkg.Clean("/" + key); clean != "/"+key {
			return template{}, fmt.Errorf("path %q: write %s://%s%s", path, scheme, bucket, clean)
		}
		return template{root: scheme + "://" + bucket, rest: key}, nil
	}
	literal, _, _ := strings.Cut(slashed, "{")
	cut := strings.LastIndex(literal, "/") + 1
	return template{root: filepath.FromSlash(folder(slashed[:cut])), rest: slashed[cut:]}, nil
}

// folder is a folder's path without its last slash, except for the root of a disk.
func folder(prefix string) string {
	if prefix == "" {
		return "."
	}
	if trimmed := strings.TrimSuffix(prefix, "/"); trimmed != "" && !strings.HasSuffix(trimmed, ":") {
		return trimmed
	}
	return prefix
}

// names gives the file names of one run.
type names struct {
	rest  string // only {stream} is left to replace
	match *regexp.Regexp
}

func (t template) names(s sdk.Start) names {
	rest := strings.ReplaceAll(t.rest, "{date}", s.Started.UTC().Format("2006-01-02"))
	rest = strings.ReplaceAll(rest, "{run}", safe(s.Run))
	pattern := strings.ReplaceAll(regexp.QuoteMeta(rest), `\{stream\}`, `[^/]+`)
	return names{rest: rest, match: regexp.MustCompile(`^` + pattern + `$`)}
}

// series is the path of a stream's files below the root, without a number.
func (n names) series(stream string) string {
	return strings.ReplaceAll(n.rest, "{stream}", safe(stream))
}

// has reports whether this run may write to a series, that is, whether it is not of another day or
// run.
func (n names) has(series string) bool { return n.match.MatchString(series) }

// numbered puts a number before the extensions. 0 stands for no number.
func numbered(series string, n int) string {
	if n == 0 {
		return series
	}
	dir, base := series[:strings.LastIndex(series, "/")+1], series[strings.LastIndex(series, "/")+1:]
	stem := base
	for _, ext := range []string{".gz", ".zst", ".zstd"} {
		stem = strings.TrimSuffix(stem, ext)
	}
	stem = strings.TrimSuffix(stem, filepath.Ext(stem))
	return fmt.Sprintf("%s%s-%05d%s", dir, stem, n, base[len(stem):])
}

// safe turns any name into a part of one file name. The result leads into no other folder, and
// different names stay different.
func safe(name string) string {
	var b strings.Builder
	for i := range len(name) {
		c := name[i]
		if c < ' ' || c == 0x7f || strings.IndexByte(`/\:*?"<>|%{}`, c) >= 0 || c == '.' &&
			(i == 0 || i == len(name)-1) {
			fmt.Fprintf(&b, "%%%02X", c)
			continue
		}
		b.WriteByte(c)
	}
	if b.Len() == 0 {
		return "%"
	}
	return b.String()
}
