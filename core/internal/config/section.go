// Sections: blocks whose attributes belong to the host. The reader asks for each attribute and
// block that is allowed. end reports those that were not asked for.

package config

import (
	"fmt"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
)

// section is a block of the host that is being read.
type section struct {
	*loader
	title      string // for messages: `source "jira": http`
	body       *hclsyntax.Body
	attributes []string // attributes that were asked for
	blocks     []string
	unsure     bool // the plugin's hosts are unknown because of a reported error
	late       bool // late values are allowed in it
	exposed    bool // the latest value is from a file that others can read
}

func (l *loader) section(title string, body *hclsyntax.Body) *section {
	return &section{loader: l, title: title, body: body}
}

// attribute returns an attribute; nil: not set.
func (s *section) attribute(name string) *hclsyntax.Attribute {
	s.attributes = append(s.attributes, name)
	return s.body.Attributes[name]
}

// block returns the block of a type; nil: none. It reports a second one.
func (s *section) block(name string) *hclsyntax.Block {
	s.blocks = append(s.blocks, name)
	var found *hclsyntax.Block
	for _, b := range s.body.Blocks {
		switch {
		case b.Type != name:
		case found != nil:
			s.fail(b.DefRange(), "the first is at "+s.pos(found.TypeRange), "%s: a second block %s", s.title, name)
		default:
			found = b
		}
	}
	return found
}

// all returns all blocks of a type.
func (s *section) all(name string) []*hclsyntax.Block {
	s.blocks = append(s.blocks, name)
	var found []*hclsyntax.Block
	for _, b := range s.body.Blocks {
		if b.Type == name {
			found = append(found, b)
		}
	}
	return found
}

// bare is block for a block without labels.
func (s *section) bare(name string) *hclsyntax.Block {
	b := s.block(name)
	if b != nil && len(b.Labels) > 0 {
		s.fail(b.LabelRanges[0], fmt.Sprintf("write %s { … }", name), "%s: the block %s has no label", s.title, name)
	}
	return b
}

// end reports the attributes and blocks that were not asked for.
func (s *section) end() {
	known := map[string]bool{}
	for _, name := range s.attributes {
		known[name] = true
	}
	for _, a := range s.body.Attributes {
		if !known[a.Name] {
			s.fail(a.NameRange, s.hintAttribute(a.Name), "%s: there is no %q", s.title, a.Name)
		}
	}
	s.endBlocks(s.attributes)
}

// endBlocks reports the blocks that were not asked for. settings are names that need an equals
// sign.
func (s *section) endBlocks(settings []string) {
	known := map[string]bool{}
	for _, name := range s.blocks {
		known[name] = true
	}
	for _, b := range s.body.Blocks {
		if known[b.Type] {
			continue
		}
		hint := didYouMean(b.Type, s.blocks)
		if name := closest(b.Type, settings); name != "" {
			hint = fmt.Sprintf("it is a setting: write %s = { … }", name)
		}
		s.fail(b.TypeRange, hint, "%s: there is no block %q", s.title, b.Type)
	}
}

func (s *section) hintAttribute(name string) string {
	if block := closest(name, s.blocks); block != "" {
		return fmt.Sprintf("it is a block: write %s { … }", block)
	}
	return didYouMean(name, s.attributes)
}

// value returns the value of an attribute in the wanted type, without marks, and its place. ok is
// false if it is missing, null or wrong; the latter is reported.
func (s *section) value(name string, want cty.Type, example string) (v cty.Value, at hcl.Range, ok bool) {
	a := s.attribute(name)
	if a == nil {
		return cty.NilVal, hcl.Range{}, false
	}
	at = a.Expr.Range()
	if v, ok = s.evaluate(a.Expr); !ok {
		return cty.NilVal, at, false
	}
	s.secrets.addMarked(v)
	if !s.checkLate(name, v, at) {
		return cty.NilVal, at, false
	}
	s.exposed = hasMark(v, exposedMark)
	v, _ = v.UnmarkDeep()
	typed, err := convert.Convert(v, want)
	switch {
	case err != nil || (!typed.IsNull() && !complete(typed)):
		if v.IsWhollyKnown() {
			s.fail(at, "for example "+example, "%s: %s must be %s, found %s", s.title, name, article(want),
				kindOf(v.Type()))
		}
		return cty.NilVal, at, false
	case typed.IsNull():
		return cty.NilVal, at, false
	}
	return typed, at, true
}

// complete reports whether a value is known and contains no null.
func complete(v cty.Value) bool {
	ok := true
	// Walk fails only if the callback does.
	_ = cty.Walk(v, func(_ cty.Path, v cty.Value) (bool, error) {
		ok = ok && v.IsKnown() && !v.IsNull()
		return ok, nil
	})
	return ok
}

func (s *section) text(name string) string {
	v, _, ok := s.value(name, cty.String, name+` = "…"`)
	if !ok {
		return ""
	}
	return v.AsString()
}

// secret returns a required text that is always sensitive.
func (s *section) secret(name string, header hcl.Range) string {
	s.exposed = false
	text := s.needed(name, header)
	s.secrets.addText(text, certain)
	if s.exposed {
		s.warn(s.body.Attributes[name].Expr.Range(), "chmod 600",
			"%s: other users of this machine can read the file that %s comes from", s.title, name)
	}
	return text
}

// needed returns a required text.
func (s *section) needed(name string, header hcl.Range) string {
	v, at, ok := s.value(name, cty.String, name+` = "…"`)
	switch {
	case ok && v.AsString() == "":
		s.fail(at, "", "%s: %s is empty", s.title, name)
	case ok:
		return v.AsString()
	case s.body.Attributes[name] == nil:
		s.fail(header, "", "%s: %s is missing", s.title, name)
	}
	return ""
}

func (s *section) flag(name string) bool { return s.flagOr(name, false) }

// flagOr returns preset if the flag is missing.
func (s *section) flagOr(name string, preset bool) bool {
	v, _, ok := s.value(name, cty.Bool, name+" = true")
	if !ok {
		return preset
	}
	return v.True()
}

func (s *section) texts(name, example string) ([]string, hcl.Range) {
	v, at, ok := s.value(name, cty.List(cty.String), example)
	if !ok {
		return nil, at
	}
	out := []string{}
	for _, one := range v.AsValueSlice() {
		out = append(out, one.AsString())
	}
	return out, at
}

// large is the upper bound of numbers without a bound of their own.
const large = 1e9

// number returns a number of at least least, or preset if it is missing.
func (s *section) number(name string, preset, least float64) float64 {
	return s.between(name, preset, least, large, "")
}

// between is number with an upper bound; why gives the reason of the bound.
func (s *section) between(name string, preset, least, most float64, why string) float64 {
	v, at, ok := s.value(name, cty.Number, name+" = 10")
	if !ok {
		return preset
	}
	n, _ := v.AsBigFloat().Float64()
	if n < least || n > most {
		s.fail(at, why, "%s: %s must be from %v to %d", s.title, name, least, int(most))
		return preset
	}
	return n
}

// whole is number for integers.
func (s *section) whole(name string, preset, least int) int {
	return s.wholeBetween(name, preset, least, large, "")
}

// wholeBetween is between for integers.
func (s *section) wholeBetween(name string, preset, least, most int, why string) int {
	n := s.between(name, float64(preset), float64(least), float64(most), why)
	if n != float64(int(n)) {
		s.fail(s.body.Attributes[name].Expr.Range(), "", "%s: %s must be a whole number", s.title, name)
		return preset
	}
	return int(n)
}

// duration returns a positive duration, or preset if it is missing.
func (s *section) duration(name string, preset time.Duration) time.Duration {
	v, at, ok := s.value(name, cty.String, name+` = "10s"`)
	if !ok {
		return preset
	}
	d, err := time.ParseDuration(v.AsString())
	if err != nil || d <= 0 {
		s.fail(at, `for example "500ms", "10s", "1h30m"`, "%s: %s is not a duration: %q", s.title, name, v.AsString())
		return preset
	}
	return d
}

// age is duration for long times, which may be in days.
func (s *section) age(name string, preset time.Duration) time.Duration {
	v, at, ok := s.value(name, cty.String, name+` = "30d"`)
	if !ok {
		return preset
	}
	d, err := parseAge(v.AsString())
	if err != nil {
		s.fail(at, `for example "30d", "12h"`, "%s: %s: %v", s.title, name, err)
		return preset
	}
	return d
}

// size returns a number of bytes, or preset if it is missing.
func (s *section) size(name string, preset int64) int64 {
	v, at, ok := s.value(name, cty.String, name+` = "64MiB"`)
	if !ok {
		return preset
	}
	n, err := parseSize(v.AsString())
	if err != nil {
		s.fail(at, `for example "64MiB", "500kB" or a number of bytes`, "%s: %s: %v", s.title, name, err)
		return preset
	}
	return n
}
