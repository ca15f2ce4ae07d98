// Grants: the permissions of a plugin beyond the base, from its settings, its requests and the
// user's grants.

package config

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"path"
	"path/filepath"
	"strings"

	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/scrapekit/scrapekit/core/internal/fetch/origin"
	"github.com/scrapekit/scrapekit/core/internal/httppolicy"
	"github.com/scrapekit/scrapekit/core/internal/registry/hclfile"
	"github.com/scrapekit/scrapekit/sdk"
)

func (n *implied) add(p sdk.Permissions, preset bool) {
	to := &n.given
	if preset {
		to = &n.preset
	}
	*to = to.Or(p)
}

// grant computes the permissions of a plugin: those that its settings imply, and those requested
// ones that the block's grant block, its http.allow and http.methods, or the installation grants.
// asked is everything requested. b is nil if there is no grant block.
func (l *loader) grant(st stage, info sdk.Info, b *hclsyntax.Block, http httppolicy.Policy, n implied) (has,
	asked sdk.Permissions) {
	asked = l.located(info.Permissions).Or(n.preset)
	granted := sdk.Permissions{HTTP: originTexts(http.Allow)}
	if http.Methods != nil {
		granted.Methods = asked.Methods // the file lists the allowed ones
	}
	if l.options.Granted != nil {
		granted = granted.Or(l.located(l.options.Granted(st.ref)))
	}
	switch {
	case st.ref.Path == "":
		granted = granted.Or(asked) // first-party plugins get what they ask for
	case b != nil:
		granted = granted.Or(l.grantBlock(st, b, asked, st.known && info.Name != ""))
	default:
		l.askGrant(st, asked.Minus(granted), n)
	}
	return asked.And(granted).Or(n.given), asked
}

// askGrant reports permissions that a plugin requests and nobody has granted.
func (l *loader) askGrant(st stage, missing sdk.Permissions, n implied) {
	if missing.IsZero() {
		return
	}
	advice := ""
	if !missing.And(n.preset).IsZero() && len(n.why) > 0 {
		advice = n.whyText() + "\nif you did not mean that, write another value, such as a folder of its own: " +
			"\"out/\"\n"
	}
	l.fail(st.block.DefRange(), advice+"to grant them, write in the block\n"+grantText(missing)+
		"\nempty braces run it without them, as far as it can",
		"%s: the plugin needs permissions that are not granted: %s", st.title, strings.Join(missing.Lines(), "; "))
}

// grantText formats permissions as a grant block.
func grantText(p sdk.Permissions) string {
	var out strings.Builder
	out.WriteString("grant {")
	for _, field := range []struct {
		name    string
		entries []string
	}{{"http", p.HTTP}, {"fs_read", p.FSRead}, {"fs_write", p.FSWrite}, {"dial", p.Dial}, {"methods", p.Methods}} {
		if len(field.entries) > 0 {
			quoted := make([]string, len(field.entries))
			for i, entry := range field.entries {
				quoted[i] = hclfile.Quote(entry)
			}
			fmt.Fprintf(&out, "\n  %s = [%s]", field.name, strings.Join(quoted, ", "))
		}
	}
	return out.String() + "\n}"
}

// grantBlock reads `grant { http = […] fs_read = […] fs_write = […] dial = […] methods = […] }`.
func (l *loader) grantBlock(st stage, b *hclsyntax.Block, asked sdk.Permissions, described bool) sdk.Permissions {
	s := l.section(st.title+": grant", b.Body)
	var all sdk.Permissions
	for _, field := range []struct {
		name, example string
		put           func(string) sdk.Permissions
	}{
		{"http", `http = ["https://api.example.com"]`,
			func(e string) sdk.Permissions { return sdk.Permissions{HTTP: []string{e}} }},
		{"fs_read", `fs_read = ["prompts"]`,
			func(e string) sdk.Permissions { return sdk.Permissions{FSRead: []string{e}} }},
		{"fs_write", `fs_write = ["out"]`,
			func(e string) sdk.Permissions { return sdk.Permissions{FSWrite: []string{e}} }},
		{"dial", `dial = ["db.example.com:5432"]`,
			func(e string) sdk.Permissions { return sdk.Permissions{Dial: []string{e}} }},
		{"methods", `methods = ["POST"]`,
			func(e string) sdk.Permissions { return sdk.Permissions{Methods: []string{e}} }},
	} {
		entries, at := s.texts(field.name, field.example)
		for i, entry := range entries {
			one := field.put(entry)
			place := at
			if a := b.Body.Attributes[field.name]; a != nil {
				place = elementRange(a.Expr, i, at)
			}
			if err := one.Check(); err != nil {
				l.fail(place, "for example "+field.example, "%s: %v", s.title, err)
				continue
			}
			one = l.located(one)
			if described && asked.And(one).IsZero() {
				l.warn(place, "the plugin does not ask for it, so it has no effect",
					"%s: %s: %q is granted without need", s.title, field.name, entry)
			}
			all = all.Or(one)
		}
	}
	s.end()
	return all
}

// grantedOrigins parses the origins of permissions.
func (l *loader) grantedOrigins(st stage, texts []string) []origin.Origin {
	var out []origin.Origin
	for _, text := range texts {
		o, err := origin.Parse(text)
		if err != nil {
			l.fail(st.block.DefRange(), "this is a fault of the plugin, not of the pipeline file",
				"%s: the plugin asks for the origin %q: %v", st.title, text, err)
			continue
		}
		out = append(out, o)
	}
	return out
}

func originTexts(origins []origin.Origin) []string {
	var out []string
	for _, o := range origins {
		out = append(out, o.String())
	}
	return out
}

// located returns permissions with absolute paths.
func (l *loader) located(p sdk.Permissions) sdk.Permissions {
	absolute := func(paths []string) []string {
		var out []string
		for _, path := range paths {
			out = append(out, l.resolve(path))
		}
		return out
	}
	p.FSRead, p.FSWrite = absolute(p.FSRead), absolute(p.FSWrite)
	return p
}

// writeFolder returns the folder in which a sink makes its files. A path may have placeholders in
// braces, and a file has its journal and later files of its series beside it.
func writeFolder(path string) string {
	fixed, _, _ := strings.Cut(path, "{")
	if strings.HasSuffix(fixed, "/") || strings.HasSuffix(fixed, string(filepath.Separator)) {
		return filepath.Clean(fixed)
	}
	return filepath.Dir(fixed)
}

// fixedPart returns a path, or the folder above its first placeholder.
func fixedPart(path string) string {
	if strings.Contains(path, "{") {
		return writeFolder(path)
	}
	return filepath.Clean(path)
}

// defaultPorts are the ports of schemes in addresses of databases and other services.
var defaultPorts = map[string]string{
	"postgres": "5432", "postgresql": "5432", "mysql": "3306", "mariadb": "3306", "redis": "6379", "rediss": "6379",
	"mongodb": "27017",
	"amqp":    "5672", "amqps": "5671", "nats": "4222", "kafka": "9092", "clickhouse": "9000", "sqlserver": "1433",
	"ldap": "389", "ldaps": "636",
	"smtp": "25", "imap": "143", "imaps": "993", "sftp": "22", "ssh": "22", "ftp": "21",
}

// addressOf returns the host:port of an address setting, which may be a URL, or the path of a Unix
// socket, which becomes unix:PATH. Its errors do not
// quote the setting, which may contain a password.
func addressOf(text string) (string, error) {
	if strings.HasPrefix(text, "/") {
		return "unix:" + path.Clean(text), nil
	}
	if !strings.Contains(text, "://") {
		p := sdk.Permissions{Dial: []string{text}}
		if p.Check() != nil || strings.Contains(text, "*") {
			return "", errors.New(`an address is host:port, such as "db.example.com:5432", or a URL with one`)
		}
		return text, nil
	}
	u, err := url.Parse(text)
	if err != nil || u.Hostname() == "" {
		return "", errors.New("a URL without a host")
	}
	port := u.Port()
	if port == "" {
		port = defaultPorts[strings.ToLower(u.Scheme)]
	}
	if port == "" {
		return "", fmt.Errorf("the URL names no port, and %s:// has none that is known", u.Scheme)
	}
	return net.JoinHostPort(u.Hostname(), port), nil
}

// eachAddress takes the addresses of a setting that is one address or a list.
func (c *checker) eachAddress(value any, path []string, preset bool) {
	for _, text := range texts(value) {
		if u, err := url.Parse(text); err == nil {
			password, _ := u.User.Password()
			c.secrets.addText(password, certain)
		}
		address, err := addressOf(text)
		if err != nil {
			c.fail(c.rangeOf(path), c.about(path), "%s: %s: %v", c.stage.title, c.shown(path), err)
			continue
		}
		c.implied.add(sdk.Permissions{Dial: []string{address}}, preset)
	}
}
