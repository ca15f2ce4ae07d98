// Sources: where plugins are published. The text of a source is the plugin's name in the pipeline
// file, the lock file and the signed statement.

package artifact

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"path"
	"path/filepath"
	"regexp"
	"strings"
)

// Kind says how a source is accessed.
type Kind string

// The kinds of sources.
const (
	Registry Kind = "registry" // OCI registry: registry.example.com/acme/scrapekit-jira
	Layout   Kind = "layout"   // folder: oci-layout:./plugins#registry.example.com/acme/scrapekit-jira
	HTTPS    Kind = "https"    // files of releases: https://example.com/plugins/jira
	GitHub   Kind = "github"   // files of GitHub releases: github.com/acme/scrapekit-jira
)

// Source is where a plugin is published.
type Source struct {
	Text string // as written
	Kind Kind
	// Name is the name in the signed statement: Text, but for a layout the part after #, or "".
	Name string
	Host string // of a registry, HTTPS or GitHub, with a port if given
	Path string // path on the host, or folder of a layout
}

// Schemes of sources other than registries.
const (
	layoutScheme = "oci-layout:"
	fileScheme   = "file:"
)

const maxSource = 1000

// label is a part of a host name.
const label = `[a-z0-9]([a-z0-9-]*[a-z0-9])?`

var (
	repositoryPath = regexp.MustCompile(`^[a-z0-9]+([._-]+[a-z0-9]+)*(/[a-z0-9]+([._-]+[a-z0-9]+)*)*$`)
	githubPath     = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9-]*/[A-Za-z0-9_-][A-Za-z0-9._-]*$`)
	// A host has a dot, a port or an address in brackets, or is localhost. Anything else would be a
	// folder.
	hostName = regexp.MustCompile(`^(localhost|` + label + `(\.` + label + `)+|\[[0-9a-f:.]+\]|(` + label + `(\.` +
		label + `)*|\[[0-9a-f:.]+\]):[0-9]{1,5})$`)
)

// LocalPath returns the path of an executable that a source names, with or without "file:". ok is
// false for the name of a published plugin.
func LocalPath(text string) (path string, ok bool) {
	if rest, found := strings.CutPrefix(text, fileScheme); found {
		return rest, true
	}
	if strings.HasPrefix(text, layoutScheme) || strings.Contains(text, "://") || !strings.ContainsAny(text, `/\`) {
		return "", false
	}
	first, _, _ := strings.Cut(text, "/")
	if hostName.MatchString(first) && !strings.HasPrefix(text, ".") {
		return "", false
	}
	return text, true
}

// ParseSource parses the name of a published plugin.
func ParseSource(text string) (Source, error) {
	var s Source
	var err error
	switch {
	case text == "":
		return Source{}, errors.New("the source is empty")
	case len(text) > maxSource:
		return Source{}, fmt.Errorf("source %.60q…: longer than %d bytes", text, maxSource)
	case strings.HasPrefix(text, layoutScheme):
		s, err = parseLayout(strings.TrimPrefix(text, layoutScheme))
	case strings.Contains(text, "://"):
		s, err = parseURL(text)
	default:
		s, err = parseRepository(text)
	}
	if err != nil {
		return Source{}, fmt.Errorf("source %q: %w", text, err)
	}
	s.Text = text
	if s.Kind != Layout {
		s.Name = text
	}
	return s, nil
}

func parseLayout(rest string) (Source, error) {
	folder, name, named := strings.Cut(rest, "#")
	if folder == "" {
		return Source{}, errors.New("the folder is missing: oci-layout:./plugins")
	}
	if !named {
		return Source{Kind: Layout, Path: folder}, nil
	}
	inner, err := ParseSource(name)
	if err == nil && inner.Kind == Layout {
		err = errors.New("a layout is in no other layout")
	}
	return Source{Kind: Layout, Path: folder, Name: name}, err
}

func parseURL(text string) (Source, error) {
	u, err := url.Parse(text)
	switch {
	case err != nil:
		return Source{}, errors.New("not a URL")
	case u.Scheme != "https" && (u.Scheme != "http" || !IsLoopback(u.Host)):
		return Source{}, errors.New("only https:// is allowed, and http:// on this machine; a registry is named " +
			"without a scheme: registry.example.com/acme/scrapekit-jira")
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return Source{}, errors.New("a source is a scheme, a host and a path, and nothing else")
	case !hostName.MatchString(u.Host):
		return Source{}, fmt.Errorf("%q is not a host name in lower-case ASCII", u.Host)
	case u.Path != path.Clean(u.Path) || u.Path == "/" || strings.ContainsAny(text, `\%`) || !isASCII(u.Path):
		return Source{}, errors.New("the path must be plain, without a slash at its end")
	}
	return Source{Kind: HTTPS, Host: u.Host, Path: strings.TrimPrefix(u.Path, "/")}, nil
}

func parseRepository(text string) (Source, error) {
	host, rest, found := strings.Cut(text, "/")
	if !found || !hostName.MatchString(host) {
		return Source{}, errors.New(`want HOST/PATH of a registry, such as ` +
			`"registry.example.com/acme/scrapekit-jira"; a file of yours begins with ./`)
	}
	if host == "github.com" {
		if !githubPath.MatchString(rest) {
			return Source{}, errors.New(`want "github.com/OWNER/REPOSITORY"`)
		}
		return Source{Kind: GitHub, Host: host, Path: rest}, nil
	}
	if !repositoryPath.MatchString(rest) {
		return Source{}, errors.New("the path of a registry has lower-case letters, digits and . _ - /; the version " +
			"stands apart from it")
	}
	return Source{Kind: Registry, Host: host, Path: rest}, nil
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] >= 0x7f {
			return false
		}
	}
	return true
}

// IsLoopback reports whether a host is localhost or a loopback address.
func IsLoopback(hostport string) bool {
	host := hostport
	if h, _, err := net.SplitHostPort(hostport); err == nil {
		host = h
	}
	host = strings.Trim(host, "[]")
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// Namespace returns the part of a plugin's name that one publisher owns:
// "registry.example.com/acme" of "registry.example.com/acme/scrapekit-jira".
func Namespace(name string) string {
	if i := strings.LastIndexByte(name, '/'); i >= 0 {
		return name[:i]
	}
	return name
}

// ShortName returns the last part of a plugin's name without its prefix: "jira" of
// "registry.example.com/acme/scrapekit-jira".
func ShortName(name string) string {
	name = name[strings.LastIndexByte(name, '/')+1:]
	if short := strings.TrimPrefix(name, "scrapekit-"); short != "" {
		return short
	}
	return name
}

// Matches reports whether a pattern matches a name: the name itself, a prefix with /*, or "*".
func Matches(pattern, name string) bool {
	if below, ok := strings.CutSuffix(pattern, "*"); ok {
		return strings.HasPrefix(name, below) && (below == "" || strings.HasSuffix(below, "/"))
	}
	return pattern == name
}

// CheckPattern returns an error for an invalid pattern.
func CheckPattern(pattern string) error {
	if i := strings.IndexByte(pattern, '*'); i >= 0 && (i != len(pattern)-1 || i > 0 && pattern[i-1] != '/') ||
		pattern == "" {
		return fmt.Errorf("pattern %q: a star must stand at the end, after a slash: registry.example.com/acme/*",
			pattern)
	}
	return nil
}

// In makes the folder of a layout absolute, relative to dir.
func (s Source) In(dir string) Source {
	if s.Kind == Layout && !filepath.IsAbs(s.Path) {
		s.Path = filepath.Join(dir, s.Path)
	}
	return s
}
