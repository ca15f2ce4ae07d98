// The reference of a plugin as a man page in section 7.

package main

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/google/jsonschema-go/jsonschema"

	"github.com/scrapekit/scrapekit/sdk"
)

func writeManual(w io.Writer, info sdk.Info) error {
	var s jsonschema.Schema
	if err := json.Unmarshal(info.Config, &s); err != nil {
		return fmt.Errorf("%s: schema of the settings: %w", info.Name, err)
	}
	title := fmt.Sprintf("scrapekit-%s-%s", info.Kind, info.Name)
	fmt.Fprintf(w, ".TH %s 7 \"\" %q scrapekit\n", roff(strings.ToUpper(title)), roff(info.Name+" "+info.Version))
	fmt.Fprintf(w, ".SH NAME\n%s \\- %s\n.SH DESCRIPTION\n", roff(title),
		roff(strings.TrimSuffix(firstSentence(info.Doc), ".")))
	for _, paragraph := range strings.Split(strings.TrimSpace(info.Doc), "\n\n") {
		fmt.Fprintf(w, ".PP\n%s\n", roff(paragraph))
	}
	fmt.Fprintln(w, ".SH SETTINGS")
	for _, name := range settingNames(&s) {
		p := s.Properties[name]
		how := strings.NewReplacer("`", "", "**",
			"").Replace(typeOf(p) + ", " + defaultOf(p, slices.Contains(s.Required, name)))
		fmt.Fprintf(w, ".TP\n.BR %s \" (%s)\"\n%s\n", roff(name), strings.ReplaceAll(roff(how), `"`, `\(dq`),
			roff(orDash(p.Description)))
	}
	if len(info.Streams) > 0 {
		fmt.Fprintln(w, ".SH STREAMS")
	}
	for _, st := range info.Streams {
		fmt.Fprintf(w, ".TP\n.B %s\n%s\n", roff(st.Name),
			roff(strings.TrimSpace(st.Doc+whenRead(st)+" Primary key: "+orDash(strings.Join(st.PrimaryKey, ", "))+".")))
	}
	if lines := info.Permissions.Lines(); len(lines) > 0 {
		fmt.Fprintf(w, ".SH PERMISSIONS\n%s\n", roff(strings.Join(lines, "; ")))
	}
	return nil
}

// roff escapes text for a man page.
func roff(text string) string {
	text = strings.NewReplacer(`\`, `\e`, "-", `\-`).Replace(strings.Join(strings.Fields(text), " "))
	if strings.HasPrefix(text, ".") || strings.HasPrefix(text, "'") {
		return `\&` + text
	}
	return text
}
