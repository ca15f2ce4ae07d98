// By hand: what a plugin prints when a person starts it in a terminal.

package serve

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/scrapekit/scrapekit/sdk"
)

// byHand prints what the arguments ask for and returns the exit code.
func byHand(p sdk.Plugin, args []string, stdout, stderr io.Writer) int {
	if slices.Contains(args, "--describe") {
		enc := json.NewEncoder(stdout)
		enc.SetIndent("", "  ")
		if err := enc.Encode(p.Info); err != nil {
			fmt.Fprintln(stderr, p.Name+":", err)
			return 1
		}
		return 0
	}
	fmt.Fprint(stderr, usage(p.Info))
	return 2
}

func usage(i sdk.Info) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s is a %s plugin of scrapekit. It is not run by hand: name this file in a pipeline file,\n\n",
		i.Name, i.Version, i.Kind)
	fmt.Fprintf(&b, "    %s \"./path/to/this/file\" {\n      # settings\n    }\n\n", i.Kind)
	b.WriteString("or give it a name there,\n\n")
	fmt.Fprintf(&b, "    pipeline {\n      required_plugins {\n        %s = { source = \"./path/to/this/file\" }\n"+
		"      }\n    }\n\n", i.Name)
	fmt.Fprintf(&b, "    %s \"%s\" {\n      # settings\n    }\n\n", i.Kind, i.Name)
	b.WriteString("and start the pipeline with `scrapekit run FILE`. With --describe it prints its description as " +
		"JSON.\n")
	if i.Doc != "" {
		fmt.Fprintf(&b, "\n%s\n", strings.TrimSpace(i.Doc))
	}
	settings, err := settingsOf(i.Config)
	switch {
	case err != nil:
		fmt.Fprintf(&b, "\nIts settings cannot be shown: %v\n", err)
	case len(settings) > 0:
		b.WriteString("\nSettings:\n")
		table(&b, settings)
	}
	return b.String()
}

func table(to io.Writer, settings []setting) {
	w := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	for _, s := range settings {
		fmt.Fprintf(w, "  %s\t%s\t%s\t%s\n", s.name, s.kind(), s.need(), s.doc())
	}
	_ = w.Flush() // a strings.Builder returns no errors
}

// setting is one property of a settings schema, with the fields that the table shows.
type setting struct {
	name     string
	required bool
	Type     string          `json:"type"`
	Doc      string          `json:"description"`
	Default  json.RawMessage `json:"default"`
	Enum     []any           `json:"enum"`
	Items    *struct {
		Type string `json:"type"`
	} `json:"items"`
}

func (s setting) kind() string {
	if s.Items != nil && s.Items.Type != "" {
		return "list of " + s.Items.Type
	}
	return s.Type
}

func (s setting) need() string {
	switch {
	case s.required:
		return "required"
	case len(s.Default) > 0:
		return "default " + string(s.Default)
	}
	return "optional"
}

func (s setting) doc() string {
	if len(s.Enum) == 0 {
		return s.Doc
	}
	return strings.TrimSpace(s.Doc + " One of: " + strings.Trim(fmt.Sprint(s.Enum), "[]") + ".")
}

// settingsOf lists the properties of a schema in their order in the schema.
func settingsOf(schema json.RawMessage) ([]setting, error) {
	if len(schema) == 0 {
		return nil, nil
	}
	var object struct {
		Properties json.RawMessage `json:"properties"`
		Required   []string        `json:"required"`
	}
	if err := json.Unmarshal(schema, &object); err != nil {
		return nil, err
	}
	if len(object.Properties) == 0 {
		return nil, nil
	}
	dec := json.NewDecoder(bytes.NewReader(object.Properties))
	if _, err := dec.Token(); err != nil {
		return nil, err
	}
	var out []setting
	for dec.More() {
		name, err := dec.Token()
		if err != nil {
			return nil, err
		}
		s := setting{name: fmt.Sprint(name)}
		if err := dec.Decode(&s); err != nil {
			return nil, fmt.Errorf("setting %s: %w", s.name, err)
		}
		s.required = slices.Contains(object.Required, s.name)
		out = append(out, s)
	}
	return out, nil
}
