// Write: what a terminal gets.

package config_test

import (
	"strings"
	"testing"

	"github.com/rivo/uniseg"

	"github.com/scrapekit/scrapekit/core/internal/config"
)

func printed(t *testing.T, d config.Diagnostic, paint config.Paint, width int) string {
	t.Helper()
	var out strings.Builder
	if err := config.Write(&out, config.Diagnostics{d}, paint, width); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestWriteColour(t *testing.T) {
	t.Parallel()
	d := config.Diagnostic{Severity: config.Warning, Summary: "s", Detail: "d", File: "f", Line: 1, Column: 1,
		Source: "abc", From: 0, To: 1}
	if got := printed(t, d, inColour, 80); !strings.Contains(got, "\x1b[1;33mwarning\x1b[0m") {
		t.Errorf("got %q", got)
	}
	if got := printed(t, d, nil, 80); strings.Contains(got, "\x1b") {
		t.Errorf("colour in %q", got)
	}
}

// TestWriteCarets shows that the carets stand under the part, whatever is before it.
func TestWriteCarets(t *testing.T) {
	t.Parallel()
	for name, before := range map[string]string{"tab": "\t", "wide": `"日本" + `, "combined": "\"e\u0301\" + ",
		"escape": "\x1b[31m", "plain": "x = "} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			source := before + "HERE tail"
			d := config.Diagnostic{Severity: config.Error, Summary: "s", File: "f", Line: 7, Source: source,
				From: len(before), To: len(before) + 4}
			lines := strings.Split(printed(t, d, nil, 0), "\n")
			above, _, _ := strings.Cut(lines[3], "HERE")
			at, _, _ := strings.Cut(lines[4], "^^^^")
			if uniseg.StringWidth(above) != uniseg.StringWidth(at) || strings.Contains(lines[3], "\x1b") {
				t.Errorf("got\n%s\n%s", lines[3], lines[4])
			}
		})
	}
}

// TestWriteLongLine shows that the part stays in sight, and no line is wider than the terminal.
func TestWriteLongLine(t *testing.T) {
	t.Parallel()
	const width = 60
	long := strings.Repeat("word ", 100)
	for name, source := range map[string][3]string{
		"before": {long, "HERE", ""}, "after": {"", "HERE", long}, "both": {long, "HERE", long},
		"itself": {"a", "HERE" + long, "b"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := config.Diagnostic{
				Severity: config.Error, Summary: strings.TrimSpace(long), Detail: long, File: "f", Line: 1234,
				Source: strings.Join(source[:], ""), From: len(source[0]), To: len(source[0]) + len(source[1]),
			}
			got := printed(t, d, nil, width)
			if !strings.Contains(got, "HERE") {
				t.Errorf("the part is not shown:\n%s", got)
			}
			for line := range strings.Lines(got) {
				if w := uniseg.StringWidth(strings.TrimSuffix(line, "\n")); w > width {
					t.Errorf("%d wide: %s", w, line)
				}
			}
		})
	}
}

func TestDiagnosticsError(t *testing.T) {
	t.Parallel()
	d := config.Diagnostics{
		{Severity: config.Error, Summary: "a", Detail: "b\nc", File: "jira.hcl", Line: 3},
		{Severity: config.Warning, Summary: "d"},
	}
	if got, want := d.Error(), "jira.hcl:3: a: b; c\nd"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if !d.HasErrors() || d[1:].HasErrors() {
		t.Error("HasErrors goes by the severity")
	}
}

func inColour(parameters, text string) string { return "\x1b[" + parameters + "m" + text + "\x1b[0m" }
