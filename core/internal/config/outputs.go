// Outputs: checks of settings that are valid by the schema, before anything runs.

package config

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"github.com/scrapekit/scrapekit/sdk"
	"github.com/scrapekit/scrapekit/sdk/host/keyword"
)

// place returns where a sink writes: its required paths, cleaned; "": none. An optional path can be
// something else, such as a certificate that several sinks read.
func (c *checker) place(instance map[string]any) string {
	var parts []string
	for _, name := range c.required() {
		path, ok := instance[name].(string)
		if !ok || c.schema.at([]string{name})[keyword.Path] == nil {
			continue
		}
		if path == "-" || strings.Contains(path, "://") {
			return ""
		}
		parts = append(parts, name, filepath.Clean(path))
	}
	return pointer(parts)
}

// required returns the required settings, in order.
func (c *checker) required() []string {
	list, _ := c.schema.document["required"].([]any)
	names := texts(list)
	slices.Sort(names)
	return names
}

// checkPlace reports a second sink that writes to the same place, since the two would overwrite
// each other.
func (l *loader) checkPlace(places map[string]stage, st stage, s settings) {
	if st.kind != sdk.KindSink || s.place == "" {
		return
	}
	key := pointer([]string{st.ref.Type, st.ref.Path, s.place})
	first, twice := places[key]
	if !twice {
		places[key] = st
		return
	}
	l.fail(l.settingOf(st, strings.Split(s.place, "\x00")[0]),
		fmt.Sprintf("the first is %s at %s; give each a path of its own", first.title, l.pos(first.block.TypeRange)),
		"%s: another sink writes to the same path", st.title)
}

// build has the plugin check settings that the schema allows.
func (l *loader) build(ctx context.Context, st stage, s settings) {
	if !s.right || l.options.Build == nil {
		return
	}
	if err := l.options.Build(ctx, st.ref, s.raw); err != nil {
		name, _, _ := strings.Cut(err.Error(), " ") // by convention, an error about a setting begins with its name
		l.fail(l.settingOf(st, strings.TrimSuffix(name, ":")), "", "%s: %v", st.title, err)
	}
}

// settingOf returns the place of a setting, or of the block's head.
func (l *loader) settingOf(st stage, name string) hcl.Range {
	if a := st.block.Body.Attributes[name]; a != nil {
		return a.Expr.Range()
	}
	return st.block.DefRange()
}

// apart moves an output path of a sink into the folder of the replay, if this is a replay. A path
// outside the pipeline file's folder cannot be moved.
func (c *checker) apart(value any, path []string) any {
	text, one := value.(string)
	if c.out == "" || !one || c.stage.kind != sdk.KindSink || !slices.Contains(c.required(), pointer(path)) ||
		text == "-" || strings.Contains(text, "://") {
		return value
	}
	rel, err := filepath.Rel(c.dir, text)
	if err != nil || !filepath.IsLocal(rel) {
		c.fail(c.rangeOf(path), "write a path relative to the pipeline file's folder, and within it",
			"%s: %s: a replay writes only below %s", c.stage.title, c.shown(path), c.out)
		return value
	}
	moved := filepath.Join(c.out, rel)
	if os.IsPathSeparator(text[len(text)-1]) {
		moved += string(filepath.Separator) // the trailing separator marks a folder
	}
	return moved
}
