// Permissions: what a plugin needs beyond what every plugin has.

package sdk

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/scrapekit/scrapekit/sdk/printable"
)

// Permissions are what a plugin may do beyond the base. The base is: to serve the host, to send
// HTTP requests to the hosts in its settings, and to use the files and addresses in its settings
// (by the tags host, path and dial). A plugin states in [Info] what it needs beyond
// that. The user grants it in the pipeline file or at installation. The plugin gets what is both
// stated and granted.
type Permissions struct {
	// HTTP are origins to which the plugin may send requests: "https://api.example.com", or
	// "https://*.example.com" for every host below example.com.
	HTTP []string `json:"http,omitempty"`
	// FSRead are files and folders that the plugin reads, with slashes on every system. A folder
	// stands for everything in it. A relative path starts at the folder of the pipeline file.
	FSRead []string `json:"fs_read,omitempty"`
	// FSWrite are files and folders that the plugin reads, writes, makes and removes.
	FSWrite []string `json:"fs_write,omitempty"`
	// Dial are the addresses to which the host opens TCP connections for the plugin:
	// "db.example.com:5432", "*.example.com:5432" for every host below example.com, "*:5432" for
	// every host, "db.example.com:*" for every port. See [Dial].
	Dial []string `json:"dial,omitempty"`
	// Methods are the HTTP methods that a source sends beside GET and HEAD. "POST" stands for
	// requests that the source marks with [Idempotent], such as a search. Transforms and sinks need
	// none.
	Methods []string `json:"methods,omitempty"`
}

// permissionKind is one field of Permissions: how two of its entries compare, and which are right.
type permissionKind struct {
	name   string
	host   bool   // an entry names a host
	verb   string // for people
	of     func(*Permissions) *[]string
	covers func(wide, narrow string) bool
	check  func(string) error
}

func permissionKinds() []permissionKind {
	return []permissionKind{
		{"http", true, "ask over HTTP", func(p *Permissions) *[]string { return &p.HTTP }, coversOrigin, checkOrigin},
		{"fs_read", false, "read files", func(p *Permissions) *[]string { return &p.FSRead }, coversPath, checkPath},
		{"fs_write", false, "read and write files", func(p *Permissions) *[]string { return &p.FSWrite }, coversPath,
			checkPath},
		{"dial", true, "open connections", func(p *Permissions) *[]string { return &p.Dial }, coversAddress,
			checkDial},
		{"methods", false, "send over HTTP, beside GET and HEAD", func(p *Permissions) *[]string { return &p.Methods },
			func(wide, narrow string) bool { return wide == narrow }, checkMethod},
	}
}

// IsZero reports whether nothing is permitted.
func (p Permissions) IsZero() bool {
	return len(p.HTTP)+len(p.FSRead)+len(p.FSWrite)+len(p.Dial)+len(p.Methods) == 0
}

// Covers reports whether p permits everything that q does: a wildcard covers what it stands for, a
// folder what is in it, and who may write may read.
func (p Permissions) Covers(q Permissions) bool { return q.Minus(p).IsZero() }

// Minus returns the entries of p that q does not cover: what an update of a plugin asks for beyond
// what was granted.
func (p Permissions) Minus(q Permissions) Permissions {
	return p.filter(func(k permissionKind, entry string) bool { return !q.permits(k, entry) })
}

// And returns what both p and q permit.
func (p Permissions) And(q Permissions) Permissions {
	mine := p.filter(func(k permissionKind, entry string) bool { return q.permits(k, entry) })
	theirs := q.filter(func(k permissionKind, entry string) bool { return p.permits(k, entry) })
	return mine.Or(theirs)
}

// Or returns what either permits, sorted, each entry once.
func (p Permissions) Or(q Permissions) Permissions {
	var out Permissions
	for _, k := range permissionKinds() {
		all := slices.Concat(*k.of(&p), *k.of(&q))
		slices.Sort(all)
		*k.of(&out) = slices.Compact(all)
	}
	return out
}

// Lines describes each permission in words, one a line: "open TCP connections:
// db.example.com:5432". An entry with spaces is quoted if it could look like another one.
func (p Permissions) Lines() []string {
	var out []string
	for _, k := range permissionKinds() {
		for _, entry := range *k.of(&p) {
			text := plainly(entry)
			if k.host && strings.ContainsFunc(entry, func(r rune) bool { return r > unicode.MaxASCII }) {
				text = strconv.QuoteToASCII(entry) // a letter of another script looks like one of a known host
			}
			out = append(out, k.verb+": "+text)
		}
	}
	return out
}

// plainly is an entry for people. Characters that look like nothing are spelled out.
func plainly(entry string) string {
	blank := func(r rune) bool {
		return r != ' ' && unicode.IsSpace(r) || !unicode.IsPrint(r) || r == '\u2800' || r == '\u3164'
	}
	if entry == strings.TrimSpace(entry) && !strings.Contains(entry, "  ") && !strings.ContainsFunc(entry, blank) {
		return entry
	}
	return strconv.QuoteToASCII(entry)
}

const (
	// maxPermissions is how many entries a field may have: who grants them is to read them.
	maxPermissions = 100
	maxPermission  = 1 << 10 // bytes of one
)

// Check returns what is wrong with the entries. An entry that cannot be displayed cannot be
// granted.
func (p Permissions) Check() error {
	var errs []error
	for _, k := range permissionKinds() {
		if n := len(*k.of(&p)); n > maxPermissions {
			errs = append(errs, fmt.Errorf("%s: %d entries, %d are the most", k.name, n, maxPermissions))
			continue
		}
		for _, entry := range *k.of(&p) {
			if len(entry) > maxPermission {
				errs = append(errs, fmt.Errorf("%s: %.80q… has %d bytes, %d are the most", k.name, entry, len(entry),
					maxPermission))
				continue
			}
			err := printable.Check(entry)
			if err == nil {
				err = k.check(entry)
			}
			if err != nil {
				errs = append(errs, fmt.Errorf("%s: %q: %w", k.name, entry, err))
			}
		}
	}
	return errors.Join(errs...)
}

func (p Permissions) filter(keep func(permissionKind, string) bool) Permissions {
	var out Permissions
	for _, k := range permissionKinds() {
		for _, entry := range *k.of(&p) {
			if keep(k, entry) {
				*k.of(&out) = append(*k.of(&out), entry)
			}
		}
	}
	return out
}

// permits reports whether one entry of p covers the entry.
func (p Permissions) permits(k permissionKind, entry string) bool {
	wide := *k.of(&p)
	if k.name == "fs_read" {
		wide = slices.Concat(wide, p.FSWrite)
	}
	return slices.ContainsFunc(wide, func(w string) bool { return k.covers(w, entry) })
}

// coversHost compares names of hosts, of which the wide one may begin with "*.", or be "*".
func coversHost(wide, narrow string) bool {
	wide, narrow = strings.ToLower(wide), strings.ToLower(narrow)
	if below, ok := strings.CutPrefix(wide, "*"); ok && (below == "" || below[0] == '.') {
		return strings.HasSuffix(narrow, below)
	}
	return wide == narrow
}

func coversOrigin(wide, narrow string) bool {
	w, errW := parseOrigin(wide)
	n, errN := parseOrigin(narrow)
	return errW == nil && errN == nil && w.Scheme == n.Scheme && w.Port() == n.Port() &&
		coversHost(w.Hostname(), n.Hostname())
}

// parseOrigin returns an origin with its port.
func parseOrigin(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	if err != nil {
		return nil, errors.New("not a URL")
	}
	ports := map[string]string{"http": "80", "https": "443"}
	switch host := u.Hostname(); {
	case ports[u.Scheme] == "":
		return nil, errors.New(`an origin begins with https:// or http://, such as "https://api.example.com"`)
	case strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil:
		return nil, errors.New("an origin is scheme, host and port, and nothing else")
	default:
		if err := checkHost(host); err != nil {
			return nil, err
		}
		if host == "*" {
			return nil, errors.New(`every host is too much: "https://*.example.com" stands for those below example.com`)
		}
		if u.Port() == "" {
			u.Host = net.JoinHostPort(host, ports[u.Scheme])
		}
	}
	return u, nil
}

func checkOrigin(text string) error {
	_, err := parseOrigin(text)
	return err
}

func coversPath(wide, narrow string) bool {
	wide, narrow = path.Clean(wide), path.Clean(narrow)
	switch {
	case wide == narrow:
		return true
	case path.IsAbs(wide) != path.IsAbs(narrow) || narrow == ".." || strings.HasPrefix(narrow, "../"):
		return false
	case wide == ".":
		return true
	}
	return strings.HasPrefix(narrow, strings.TrimSuffix(wide, "/")+"/")
}

func checkPath(text string) error {
	clean := path.Clean(text)
	switch {
	case text == "":
		return errors.New("a path is missing")
	case clean != strings.TrimSuffix(text, "/") && strings.Contains(text, ".."):
		return fmt.Errorf("it leads to %q: write that", clean)
	}
	return nil
}

func coversAddress(wide, narrow string) bool {
	if strings.HasPrefix(narrow, unixSocket) {
		return wide == narrow
	}
	wideHost, widePort, errW := net.SplitHostPort(wide)
	host, port, errN := net.SplitHostPort(narrow)
	return errW == nil && errN == nil && coversHost(wideHost, host) && (widePort == "*" || widePort == port)
}

// unixSocket begins the address of a Unix socket, before its path.
const unixSocket = "unix:"

func checkDial(text string) error {
	if socket, ok := strings.CutPrefix(text, unixSocket); ok {
		if !strings.HasPrefix(socket, "/") || socket != path.Clean(socket) {
			return errors.New(`the path of a Unix socket is absolute, such as "unix:/run/postgresql/.s.PGSQL.5432"`)
		}
		return nil
	}
	host, port, err := net.SplitHostPort(text)
	if err != nil {
		return errors.New(`an address is host:port, such as "db.example.com:5432"`)
	}
	if n, err := strconv.ParseUint(port, 10, 16); port != "*" && (err != nil || n == 0) {
		return errors.New("a port is a number from 1 to 65535, or * for every port")
	}
	return checkHost(host)
}

func checkMethod(text string) error {
	if text == "" || strings.Trim(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ-") != "" || text == "CONNECT" || text == "TRACE" {
		return errors.New(`no method of HTTP that can be sent; one is in capitals, such as "POST"`)
	}
	return nil
}

func checkHost(host string) error {
	rest := strings.TrimPrefix(strings.TrimPrefix(host, "*"), ".")
	if host == "" || host != "*" && rest == "" || strings.ContainsAny(rest, "* /\\{}\"'") ||
		strings.HasPrefix(host, "*") && host != "*" && host[1] != '.' {
		return errors.New(`no name of a host; "*.example.com" stands for every host below example.com`)
	}
	return nil
}
