// Diagnostics: the errors and warnings about a pipeline file, without secrets, each with its line.

package config

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// Severity says whether a diagnostic stops the run.
type Severity string

// The severities.
const (
	Error   Severity = "error"
	Warning Severity = "warning"
)

// Diagnostic is one error or warning about a pipeline file. It holds no sensitive value.
type Diagnostic struct {
	Severity Severity
	Summary  string // what was found, on one line
	Detail   string // what is expected or what to do; may be empty
	File     string // as given to Load; empty if no place in the file is at fault
	Line     int    // from 1
	Column   int    // from 1, in characters
	// Source is the line at fault. Source[From:To] is the part at fault.
	Source   string
	From, To int
}

func (d Diagnostic) String() string {
	text := d.Summary
	if d.File != "" {
		text = fmt.Sprintf("%s:%d: %s", d.File, d.Line, text)
	}
	if d.Detail != "" {
		text += ": " + strings.ReplaceAll(d.Detail, "\n", "; ")
	}
	return text
}

// Diagnostics are the errors and warnings about a pipeline file, in the order of its lines.
type Diagnostics []Diagnostic

// HasErrors reports whether one of them is an error.
func (d Diagnostics) HasErrors() bool {
	for _, one := range d {
		if one.Severity == Error {
			return true
		}
	}
	return false
}

// Error returns one line for each diagnostic.
func (d Diagnostics) Error() string {
	lines := make([]string, len(d))
	for i, one := range d {
		lines[i] = one.String()
	}
	return strings.Join(lines, "\n")
}

// shownError is an error of one of our functions. Its text holds no value of a sensitive argument.
type shownError string

func (e shownError) Error() string { return string(e) }

// report adds diagnostics of the HCL packages unchanged.
func (l *loader) report(found hcl.Diagnostics) { l.found = append(l.found, found...) }

// fail adds an error at a place of the file.
func (l *loader) fail(at hcl.Range, detail, summary string, args ...any) {
	l.found = append(l.found, &hcl.Diagnostic{
		Severity: hcl.DiagError, Summary: fmt.Sprintf(summary, args...), Detail: detail, Subject: &at,
	})
}

// warn adds a warning at a place of the file.
func (l *loader) warn(at hcl.Range, detail, summary string, args ...any) {
	l.fail(at, detail, summary, args...)
	l.found[len(l.found)-1].Severity = hcl.DiagWarning
}

// withhold removes the details from diagnostics of an expression that uses a sensitive value,
// because the library's functions quote their arguments.
func withhold(found hcl.Diagnostics) hcl.Diagnostics {
	for _, d := range found {
		if extra, ok := hcl.DiagnosticExtra[hclsyntax.FunctionCallDiagExtra](d); ok {
			var shown shownError
			if errors.As(extra.FunctionCallError(), &shown) {
				continue
			}
			d.Summary = fmt.Sprintf("%s() cannot be evaluated", extra.CalledFunctionName())
		}
		d.Detail = "the reason is not shown, because it contains a sensitive value"
	}
	return found
}

// diagnostics returns the final form of everything found so far: without secrets, with source
// lines.
func (l *loader) diagnostics() Diagnostics {
	var out Diagnostics
	seen := map[Diagnostic]bool{}
	for _, d := range l.found {
		one := l.diagnostic(d)
		if !seen[one] {
			seen[one] = true
			out = append(out, one)
		}
	}
	sortByPlace(out)
	return out
}

func (l *loader) diagnostic(d *hcl.Diagnostic) Diagnostic {
	one := Diagnostic{Severity: Error, Summary: uncapital(d.Summary), Detail: strings.TrimSuffix(d.Detail, ".")}
	if d.Severity == hcl.DiagWarning {
		one.Severity = Warning
	}
	if extra, ok := hcl.DiagnosticExtra[hclsyntax.FunctionCallDiagExtra](d); ok {
		var shown shownError
		if errors.As(extra.FunctionCallError(), &shown) {
			one.Summary, one.Detail = extra.CalledFunctionName()+": "+string(shown), ""
			if d.Expression != nil {
				at := d.Expression.Range()
				d.Subject = &at
			}
		}
	}
	hide := func(text string) string {
		return hideUserinfo(l.secrets.hide(text), func(string) string { return "(sensitive)" })
	}
	one.Summary, one.Detail = hide(one.Summary), hide(one.Detail)
	if d.Subject != nil && d.Subject.Filename == l.file {
		l.locate(&one, *d.Subject)
	}
	return one
}

// locate sets the place of a diagnostic, with the first line of the range as the excerpt.
func (l *loader) locate(d *Diagnostic, at hcl.Range) {
	d.File, d.Line, d.Column = l.file, at.Start.Line, at.Start.Column
	if at.Start.Byte > len(l.src) {
		return
	}
	begin := bytes.LastIndexByte(l.src[:at.Start.Byte], '\n') + 1
	end := len(l.src)
	if i := bytes.IndexByte(l.src[at.Start.Byte:], '\n'); i >= 0 {
		end = at.Start.Byte + i
	}
	line := strings.TrimRight(string(l.src[begin:end]), "\r")
	from := min(at.Start.Byte-begin, len(line))
	to := min(max(at.End.Byte-begin, from), len(line))
	d.Source, d.From, d.To = hideUserinfo(l.secrets.mask(line),
		func(s string) string { return strings.Repeat("*", len(s)) }), from, to
}

// uncapital converts summaries of the HCL packages to our style.
func uncapital(s string) string {
	first, size := utf8.DecodeRuneInString(s)
	if second, _ := utf8.DecodeRuneInString(s[size:]); first < 'A' || first > 'Z' || (second >= 'A' && second <= 'Z') {
		return s
	}
	return strings.ToLower(s[:size]) + s[size:]
}
