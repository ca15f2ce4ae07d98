// Paths: the settings of a plugin that name files. The plugin may use the files that a user names
// there, so they count as permissions that it asks for.

package artifact

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/scrapekit/scrapekit/sdk"
	"github.com/scrapekit/scrapekit/sdk/host"
	"github.com/scrapekit/scrapekit/sdk/host/keyword"
	"github.com/scrapekit/scrapekit/sdk/printable"
)

// Paths are the settings that name files: prompts, tasks[].file, certificates.*.
type Paths struct {
	Read  []string `json:"read,omitempty"`
	Write []string `json:"write,omitempty"`
}

// IsZero reports whether there are none.
func (p Paths) IsZero() bool { return len(p.Read)+len(p.Write) == 0 }

// Minus returns the settings of p that permit more than those of q. Writing includes reading.
func (p Paths) Minus(q Paths) Paths {
	return Paths{
		Read: slices.DeleteFunc(slices.Clone(p.Read),
			func(s string) bool { return slices.Contains(q.Read, s) || slices.Contains(q.Write, s) }),
		Write: slices.DeleteFunc(slices.Clone(p.Write), func(s string) bool { return slices.Contains(q.Write, s) }),
	}
}

// Or returns the union, sorted.
func (p Paths) Or(q Paths) Paths {
	union := func(a, b []string) []string { return slices.Compact(slices.Sorted(slices.Values(slices.Concat(a, b)))) }
	return Paths{Read: union(p.Read, q.Read), Write: union(p.Write, q.Write)}
}

// Lines describes each setting on a line.
func (p Paths) Lines() []string {
	var out []string
	for _, s := range p.Read {
		out = append(out, "read the files that its setting "+s+" names")
	}
	for _, s := range p.Write {
		out = append(out, "write in the folder that its setting "+s+" names")
	}
	return out
}

const (
	maxPathSettings = 200
	maxSettingName  = 200
	maxSchemaParts  = 10_000
)

// Check returns an error for invalid names.
func (p Paths) Check() error {
	all := slices.Concat(p.Read, p.Write)
	if len(all) > maxPathSettings {
		return fmt.Errorf("%d settings that name files, %d are the most", len(all), maxPathSettings)
	}
	for _, name := range all {
		if len(name) == 0 || len(name) > maxSettingName {
			return fmt.Errorf("the setting %.80q cannot name files: its name has %d bytes, %d are the most", name,
				len(name), maxSettingName)
		}
		if err := printable.Check(name); err != nil {
			return fmt.Errorf("the setting %q: %w", name, err)
		}
	}
	return nil
}

// PathsOf finds the settings in a plugin's description.
func PathsOf(info sdk.Info) (Paths, error) {
	if len(info.Config) == 0 {
		return Paths{}, nil
	}
	w := pathWalk{kind: info.Kind, open: map[string]bool{}}
	if err := json.Unmarshal(info.Config, &w.document); err != nil {
		return Paths{}, fmt.Errorf("the schema of the settings: %w", err)
	}
	if err := w.walk(w.document, "", false); err != nil {
		return Paths{}, err
	}
	found := w.found.Or(Paths{})
	return found, found.Check()
}

// pathWalk walks a schema in the same way as the host checks settings with it.
type pathWalk struct {
	kind     sdk.Kind
	document map[string]any
	open     map[string]bool // references being followed; a cycle adds nothing
	parts    int
	found    Paths
}

func (w *pathWalk) walk(node any, name string, required bool) error {
	if w.parts++; w.parts > maxSchemaParts {
		return errors.New("the schema of the settings is too large to tell which of them name files")
	}
	schema, _ := node.(map[string]any)
	if ref, ok := schema["$ref"].(string); ok && strings.HasPrefix(ref, "#") {
		if w.open[ref] {
			return nil
		}
		w.open[ref] = true
		defer delete(w.open, ref)
		return w.walk(w.at(ref), name, required)
	}
	switch read, write := host.PathUse(schema[keyword.Path], w.kind, required); {
	case write:
		w.found.Write = append(w.found.Write, name)
	case read:
		w.found.Read = append(w.found.Read, name)
	}
	needed, _ := schema["required"].([]any)
	properties, _ := schema["properties"].(map[string]any)
	for property, inner := range properties {
		isNeeded := name == "" && slices.Contains(needed, any(property))
		if err := w.walk(inner, strings.TrimPrefix(name+"."+property, "."), isNeeded); err != nil {
			return err
		}
	}
	if items, ok := schema["items"]; ok {
		if err := w.walk(items, name+"[]", false); err != nil {
			return err
		}
	}
	if rest, ok := schema["additionalProperties"].(map[string]any); ok {
		return w.walk(rest, strings.TrimPrefix(name+".*", "."), false)
	}
	return nil
}

// at returns what a reference inside the document refers to.
func (w *pathWalk) at(ref string) any {
	node := any(w.document)
	for _, step := range strings.Split(strings.TrimPrefix(ref, "#"), "/")[1:] {
		object, _ := node.(map[string]any)
		node = object[strings.NewReplacer("~1", "/", "~0", "~").Replace(step)]
	}
	return node
}
