// Settings: a block's own attributes, as JSON for the plugin.

package config

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"github.com/scrapekit/scrapekit/core/internal/fetch/origin"
	"github.com/scrapekit/scrapekit/sdk"
	"github.com/scrapekit/scrapekit/sdk/host"
	"github.com/scrapekit/scrapekit/sdk/host/keyword"
)

// settings is the result of reading a block's attributes.
type settings struct {
	raw     json.RawMessage
	hosts   []origin.Origin // origins in the host settings
	unsure  bool            // hosts may be incomplete: the plugin is unknown, or a host setting is wrong
	names   []string        // names of all settings of the plugin
	implied implied         // permissions that follow from the settings
	files   []PathSetting
	place   string // where a sink writes, see outputs.go
	right   bool   // valid by the schema
}

// checker checks the settings of one block.
type checker struct {
	*loader
	stage   stage
	schema  *schema
	values  map[string]cty.Value // of the attributes, with marks
	lost    map[string]bool      // attributes whose value is unknown, which is reported already
	secret  map[string]bool      // pointers to parts that the schema marks as sensitive
	meant   map[string]bool      // pointers to settings that misspelt names probably mean
	hosts   []origin.Origin
	noHost  bool // a host setting has an invalid value
	implied implied
	files   []PathSetting
	rewrite []func() // replace paths with absolute ones after validation
}

// settings evaluates the attributes of a block and checks them against the schema; nil: unknown.
func (l *loader) settings(st stage, s *schema) settings {
	c := &checker{loader: l, stage: st, schema: s, values: map[string]cty.Value{}, lost: map[string]bool{},
		secret: map[string]bool{}, meant: map[string]bool{}}
	before := len(l.found.Errs())
	instance := c.evaluateAll()
	if s == nil {
		return settings{unsure: true}
	}
	c.visit(s.document, instance, nil, nil)
	c.validate(instance)
	for _, f := range c.rewrite {
		f()
	}
	raw, err := json.Marshal(instance)
	if err != nil {
		l.fail(st.block.DefRange(), "", "%s: its settings as JSON: %v", st.title, err)
	}
	return settings{
		raw: raw, hosts: unionOrigins(c.hosts, nil), unsure: c.wrongHost(instance), names: s.names(),
		implied: c.implied, files: c.files, place: c.place(instance),
		right: len(c.lost) == 0 && len(l.found.Errs()) == before,
	}
}

// evaluateAll returns the settings as decoded JSON, without nulls.
func (c *checker) evaluateAll() map[string]any {
	instance := map[string]any{}
	for _, a := range c.stage.block.Body.Attributes {
		v, ok := c.evaluate(a.Expr)
		if !ok || !v.IsWhollyKnown() {
			c.lost[a.Name] = true
			continue
		}
		c.secrets.addMarked(v)
		if standIns, _ := lateIn(v); len(standIns) > 0 {
			c.lost[a.Name] = true
			c.fail(a.Expr.Range(), "it goes into auth blocks, which the plugin does not see",
				"%s: %s cannot hold a secret that is looked up during the run", c.stage.title, a.Name)
			continue
		}
		c.values[a.Name] = v
		plain, _ := v.UnmarkDeep()
		out, err := plainValue(plain)
		if err != nil {
			c.lost[a.Name] = true
			c.fail(a.Expr.Range(), "", "%s: %s: %v", c.stage.title, a.Name, err)
			continue
		}
		if out != nil {
			instance[a.Name] = out
		}
	}
	return instance
}

// visit walks the settings together with their schema. It reports and removes unknown names, and
// handles our own keywords. set replaces the value in its container.
func (c *checker) visit(node map[string]any, value any, path []string, set func(any)) {
	node = c.schema.follow(node)
	c.keywords(node, value, path, set, false)
	switch value := value.(type) {
	case json.Number:
		c.number(node, value, path)
	case map[string]any:
		c.visitObject(node, value, path)
	case []any:
		items := object(node["items"])
		for i, item := range value {
			c.visit(items, item, append(slices.Clip(path), fmt.Sprint(i)), func(v any) { value[i] = v })
		}
	}
}

// number reports a number that the plugin would not receive exactly. It ignores numbers without a
// type in the schema: the plugin receives their digits and may parse them exactly.
func (c *checker) number(node map[string]any, n json.Number, path []string) {
	format, _ := node["format"].(string)
	var problem string
	switch {
	case node["type"] == "integer" && !keyword.Fits(n, format):
		problem = "is too large for a whole number of 64 bits"
	case node["type"] == "number" && !keyword.FitsFloat(n):
		problem = "has more digits than such a number keeps"
	default:
		return
	}
	c.fail(c.rangeOf(path), c.about(path), "%s: %s %s%s", c.stage.title, c.shown(path), problem, c.value(path))
}

func (c *checker) visitObject(node, value map[string]any, path []string) {
	properties := object(node["properties"])
	others, open := additional(node)
	for name, inner := range value {
		at := append(slices.Clip(path), name)
		set := func(v any) { value[name] = v }
		switch p, known := properties[name]; {
		case known:
			c.visit(object(p), inner, at, set)
		case open:
			c.visit(others, inner, at, set)
		default:
			c.failUnknown(at, properties)
			delete(value, name)
		}
	}
	for name, p := range properties {
		preset, ok := object(p)["default"]
		if _, given := value[name]; ok && !given && !(len(path) == 0 && c.lost[name]) {
			c.keywords(c.schema.follow(object(p)), preset, append(slices.Clip(path), name),
				func(v any) { value[name] = v }, true)
		}
	}
}

// keywords handles our own keywords for a value that is set or preset.
func (c *checker) keywords(node map[string]any, value any, path []string, set func(any), preset bool) {
	preset = preset && c.stage.ref.Path != "" // presets of first-party plugins are trusted
	if node[keyword.Sensitive] == true {
		c.secret[pointer(path)] = true
		for _, text := range texts(value) {
			c.secrets.addText(text, certain)
		}
	}
	if node[keyword.Host] == true {
		c.eachHost(value, path, preset)
	}
	if node[keyword.Dial] == true {
		c.eachAddress(value, path, preset)
	}
	read, write := host.PathUse(node[keyword.Path], c.stage.kind, slices.Contains(c.required(), pointer(path)))
	if (read || write) && set != nil {
		c.rewrite = append(c.rewrite, func() {
			at := c.apart(c.absolute(value), path)
			c.paths(at, path, write, preset)
			set(at)
		})
	}
}

// eachHost takes the origins of a host setting that is one URL or a list.
func (c *checker) eachHost(value any, path []string, preset bool) {
	switch value := value.(type) {
	case string:
		c.host(value, path, preset)
	case []any:
		for i, one := range value {
			c.eachHost(one, append(slices.Clip(path), fmt.Sprint(i)), preset)
		}
	default:
		c.noHost = true
	}
}

// wrongHost reports whether a host setting is wrong or missing. That is reported already, so its
// consequences are not.
func (c *checker) wrongHost(instance map[string]any) bool {
	for name, p := range object(c.schema.document["properties"]) {
		if c.schema.follow(object(p))[keyword.Host] != true {
			continue
		}
		_, given := instance[name]
		if c.lost[name] || c.meant[name] || !given && slices.Contains(c.required(), name) {
			return true
		}
	}
	return c.noHost
}

// host takes the origin of a host setting.
func (c *checker) host(text string, path []string, preset bool) {
	o, u, err := parseOrigin(text)
	if err != nil {
		c.noHost = true
		if c.sensitiveAt(path) {
			err = errors.New("not a URL that can be used") // the error may quote a part of it
		}
		c.fail(c.rangeOf(path), c.about(path), "%s: %s: %v%s", c.stage.title, c.shown(path), err, c.quoted(path, text))
		return
	}
	if password, ok := u.User.Password(); ok || u.User != nil {
		c.secrets.addText(password, certain)
		c.fail(c.rangeOf(path), `write http { auth "basic" { user = … password = env("…") } }`,
			"%s: %s: a URL cannot hold a user and password here", c.stage.title, c.shown(path))
	}
	if preset {
		c.implied.add(sdk.Permissions{HTTP: []string{o.String()}}, true)
		return
	}
	c.hosts = append(c.hosts, o)
}

// absolute makes the paths of a setting absolute, except "-" (standard input or output) and URLs.
func (c *checker) absolute(value any) any {
	switch value := value.(type) {
	case string:
		if value == "" || value == "-" || strings.Contains(value, "://") || filepath.IsAbs(value) {
			return value
		}
		if os.IsPathSeparator(value[len(value)-1]) {
			return c.resolve(value) + string(filepath.Separator) // the trailing separator marks a folder
		}
		return c.resolve(value)
	case []any:
		out := make([]any, len(value))
		for i, one := range value {
			out[i] = c.absolute(one)
		}
		return out
	}
	return value
}

// failUnknown reports a setting that the plugin does not have.
func (c *checker) failUnknown(path []string, known map[string]any) {
	var names []string
	for name := range known {
		names = append(names, name)
	}
	name := path[len(path)-1]
	c.meant[pointer(append(slices.Clip(path[:len(path)-1]), closest(name, names)))] = true
	hint := didYouMean(name, names)
	if len(path) == 1 && slices.Contains([]string{"http", "select", "files", "on_error", "grant"}, name) {
		hint = fmt.Sprintf("it is a block: write %s { … }", name)
	}
	c.fail(c.nameRange(path), hint, "%s: there is no setting %q", c.stage.title, c.shown(path))
}

// nameRange returns the place of a setting's name.
func (c *checker) nameRange(path []string) hcl.Range {
	if len(path) == 1 {
		return c.stage.block.Body.Attributes[path[0]].NameRange
	}
	return c.rangeOf(path)
}
