// The reference of a plugin in Markdown, from its schema and its streams.

package main

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/google/jsonschema-go/jsonschema"

	"github.com/scrapekit/scrapekit/sdk"
)

func writeReference(w io.Writer, info sdk.Info) error {
	var s jsonschema.Schema
	if err := json.Unmarshal(info.Config, &s); err != nil {
		return fmt.Errorf("%s: schema of the settings: %w", info.Name, err)
	}
	fmt.Fprintf(w, "# %s %s\n\n%s\n\n## Settings\n\n", info.Kind, info.Name, info.Doc)
	fmt.Fprintln(w, "| setting | type | default | what it is for |\n|---|---|---|---|")
	for _, name := range settingNames(&s) {
		p := s.Properties[name]
		fmt.Fprintf(w, "| `%s` | %s | %s | %s |\n", cell(name), cell(typeOf(p)),
			defaultOf(p, slices.Contains(s.Required, name)), cell(p.Description))
	}
	if info.Robots {
		fmt.Fprintln(w, "\nIt obeys robots.txt. `http { robots = false }` switches that off, for sites whose owner "+
			"allows it.")
	}
	if len(info.Streams) == 0 {
		return nil
	}
	fmt.Fprintln(w, "\n## Streams\n\n| stream | primary key | incremental by | what it holds |\n|---|---|---|---|")
	for _, st := range info.Streams {
		fmt.Fprintf(w, "| `%s` | %s | %s | %s |\n", st.Name, orDash(cell(strings.Join(st.PrimaryKey, ", "))),
			orDash(cell(st.Cursor)), cell(st.Doc+whenRead(st)))
	}
	return nil
}

// settingNames returns the required settings first, otherwise in the author's order.
func settingNames(s *jsonschema.Schema) []string {
	names := slices.Clone(s.PropertyOrder)
	for name := range s.Properties {
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	if len(s.PropertyOrder) == 0 {
		slices.Sort(names)
	}
	slices.SortStableFunc(names, func(a, b string) int {
		return rank(slices.Contains(s.Required, a)) - rank(slices.Contains(s.Required, b))
	})
	return names
}

func rank(first bool) int {
	if first {
		return 0
	}
	return 1
}

func typeOf(p *jsonschema.Schema) string {
	switch {
	case len(p.Enum) > 0:
		return oneOf(p.Enum)
	case p.Type == "array" && p.Items != nil:
		return "list of " + typeOf(p.Items)
	case p.Type == "object" && p.AdditionalProperties != nil:
		return "map of " + typeOf(p.AdditionalProperties)
	case p.Type != "":
		return p.Type + boundsOf(p)
	}
	return strings.Join(p.Types, " or ")
}

// boundsOf formats the range of a number: ", 1 to 100".
func boundsOf(p *jsonschema.Schema) string {
	number := func(n *float64) string { return strconv.FormatFloat(*n, 'f', -1, 64) }
	switch {
	case p.Minimum != nil && p.Maximum != nil:
		return ", " + number(p.Minimum) + " to " + number(p.Maximum)
	case p.Minimum != nil:
		return ", " + number(p.Minimum) + " or more"
	case p.Maximum != nil:
		return ", at most " + number(p.Maximum)
	}
	return ""
}

func oneOf(values []any) string {
	var out []string
	for _, v := range values {
		out = append(out, fmt.Sprintf("`%v`", v))
	}
	return strings.Join(out, ", ")
}

func defaultOf(p *jsonschema.Schema, required bool) string {
	switch {
	case required:
		return "**required**"
	case p.Default != nil:
		text := string(p.Default)
		if len(text) > 60 {
			text = text[:57] + "…"
		}
		return "`" + cell(text) + "`"
	}
	return "–"
}

func orDash(s string) string {
	if s == "" {
		return "–"
	}
	return s
}

// cell escapes text for a table.
func cell(s string) string {
	return strings.ReplaceAll(strings.Join(strings.Fields(s), " "), "|", "\\|")
}

// whenRead marks an optional stream.
func whenRead(s sdk.Stream) string {
	if s.Optional {
		return " Read only where it is selected."
	}
	return ""
}
