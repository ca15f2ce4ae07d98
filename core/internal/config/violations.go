// Violations: turns errors of the schema's validator into diagnostics at the expression at fault.

package config

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
	"golang.org/x/text/language"
	"golang.org/x/text/message"

	"github.com/scrapekit/scrapekit/sdk/host/keyword"
)

// validate checks the settings against the schema.
func (c *checker) validate(instance map[string]any) {
	err := c.schema.compiled.Validate(instance)
	var all *jsonschema.ValidationError
	switch {
	case errors.As(err, &all):
		c.violation(all)
	case err != nil:
		c.fail(c.stage.block.DefRange(), "", "%s: its settings: %v", c.stage.title, err)
	}
}

// violation reports the innermost errors of the validator.
func (c *checker) violation(e *jsonschema.ValidationError) {
	path := e.InstanceLocation
	switch k := e.ErrorKind.(type) {
	case *kind.Required:
		for _, name := range k.Missing {
			c.failMissing(append(slices.Clip(path), name))
		}
		return
	case *kind.AnyOf:
		c.failForms(e, "none")
		return
	case *kind.OneOf:
		if len(k.Subschemas) > 0 {
			c.failForms(e, "more than one")
			return
		}
		c.failForms(e, "none")
		return
	}
	if len(e.Causes) > 0 {
		for _, cause := range e.Causes {
			c.violation(cause)
		}
		return
	}
	problem, hint := c.problem(e)
	if len(path) == 0 {
		c.fail(c.rangeOf(path), problem, "%s: its settings are not as the plugin wants them", c.stage.title)
		return
	}
	c.fail(c.rangeOf(path), joinLines(hint, c.about(path)), "%s: %s %s", c.stage.title, c.shown(path), problem)
}

// failForms reports a value that matches none or too many of several forms.
func (c *checker) failForms(e *jsonschema.ValidationError, how string) {
	path := e.InstanceLocation
	c.fail(c.rangeOf(path), joinLines(c.alternatives(e), c.about(path)),
		"%s: %s has %s of the forms that it can have%s", c.stage.title, c.shown(path), how, c.value(path))
}

// failMissing reports a missing required setting, at the block or object without it.
func (c *checker) failMissing(path []string) {
	if c.meant[pointer(path)] || (len(path) == 1 && c.lost[path[0]]) {
		return // it is there, and its error was reported
	}
	parent, name := path[:len(path)-1], path[len(path)-1]
	at := c.rangeOf(parent)
	c.fail(at, joinLines(c.about(path), c.example(path)), "%s: the setting %q is missing", c.stage.title,
		c.shown(append(slices.Clip(parent), name)))
}

// about returns the schema's description of a setting.
func (c *checker) about(path []string) string {
	doc, _ := c.schema.at(path)["description"].(string)
	if doc == "" || len(path) == 0 {
		return ""
	}
	return path[len(path)-1] + ": " + strings.TrimSuffix(doc, ".")
}

// example returns an example of a setting from the schema.
func (c *checker) example(path []string) string {
	node := c.schema.at(path)
	samples, _ := node["examples"].([]any)
	if len(samples) == 0 {
		return ""
	}
	raw, err := json.Marshal(samples[0])
	if err != nil {
		return ""
	}
	return fmt.Sprintf("for example %s = %s", path[len(path)-1], raw)
}

// alternatives says for each form of an anyOf or oneOf why it does not match.
func (c *checker) alternatives(e *jsonschema.ValidationError) string {
	var reasons []string
	var walk func(*jsonschema.ValidationError)
	walk = func(e *jsonschema.ValidationError) {
		if len(e.Causes) == 0 {
			problem, _ := c.problem(e)
			if len(e.InstanceLocation) > 0 {
				problem = c.shown(e.InstanceLocation) + " " + problem
			}
			reasons = append(reasons, problem)
		}
		for _, cause := range e.Causes {
			walk(cause)
		}
	}
	walk(e)
	return strings.Join(slices.Compact(reasons), ", or ")
}

// problem returns what is wrong with one value, and how to correct it.
func (c *checker) problem(e *jsonschema.ValidationError) (problem, hint string) {
	path := e.InstanceLocation
	switch k := e.ErrorKind.(type) {
	case *kind.Type:
		return c.wrongType(path, k)
	case *kind.Enum:
		return c.wrongChoice(path, k)
	case *kind.Minimum:
		return "must be at least " + number(k.Want) + c.value(path), ""
	case *kind.Maximum:
		return "must be at most " + number(k.Want) + c.value(path), ""
	case *kind.ExclusiveMinimum:
		return "must be more than " + number(k.Want) + c.value(path), ""
	case *kind.ExclusiveMaximum:
		return "must be less than " + number(k.Want) + c.value(path), ""
	case *kind.MinLength:
		return fmt.Sprintf("must have at least %d characters", k.Want), ""
	case *kind.MaxLength:
		return fmt.Sprintf("must have at most %d characters", k.Want), ""
	case *kind.MinItems:
		return fmt.Sprintf("must have at least %d elements, found %d", k.Want, k.Got), ""
	case *kind.MaxItems:
		return fmt.Sprintf("must have at most %d elements, found %d", k.Want, k.Got), ""
	case *kind.UniqueItems:
		return fmt.Sprintf("has the same element twice, as number %d and %d", k.Duplicates[0]+1, k.Duplicates[1]+1), ""
	case *kind.Pattern:
		if k.Want == keyword.Duration {
			return "is not a duration" + c.value(path), `for example "500ms", "10s", "1h30m"`
		}
		return "must match the pattern " + k.Want + c.value(path), ""
	}
	if c.sensitiveAt(path) {
		return "is not as the plugin wants it", ""
	}
	return "is not as the plugin wants it: " + e.ErrorKind.LocalizedString(message.NewPrinter(language.English)), ""
}

// plainName names a JSON type for messages.
func plainName(t string) string {
	switch t {
	case "string":
		return "a text"
	case "integer":
		return "a whole number"
	case "number":
		return "a number"
	case "boolean":
		return "true or false"
	case "array":
		return "a list"
	case "object":
		return "an object"
	}
	return t
}

func (c *checker) wrongType(path []string, k *kind.Type) (problem, hint string) {
	var want []string
	for _, t := range k.Want {
		want = append(want, plainName(t))
	}
	got := plainName(k.Got)
	switch {
	case k.Got == "boolean":
		got = "a truth value"
	case slices.Equal(k.Want, []string{"array"}) && k.Got == "string":
		hint = "put it in brackets: [ … ]"
	case k.Got == "string" && (slices.Contains(k.Want, "integer") || slices.Contains(k.Want, "number")):
		hint = "write it without quotes, or use tonumber(…)"
	case k.Got == "string" && slices.Contains(k.Want, "boolean"):
		hint = "write it without quotes, or use tobool(…)"
	}
	return fmt.Sprintf("must be %s, found %s%s", strings.Join(want, " or "), got, c.value(path)), hint
}

func (c *checker) wrongChoice(path []string, k *kind.Enum) (problem, hint string) {
	var choices, names []string
	for _, w := range k.Want {
		raw, err := json.Marshal(w)
		if err != nil {
			continue // cannot fail: it was decoded from JSON
		}
		choices = append(choices, string(raw))
		if text, ok := w.(string); ok {
			names = append(names, text)
		}
	}
	if got, ok := k.Got.(string); ok && !c.sensitiveAt(path) {
		if name := closest(got, names); name != "" {
			hint = fmt.Sprintf("did you mean %q?", name)
		}
	}
	return fmt.Sprintf("must be one of %s%s", strings.Join(choices, ", "), c.value(path)), hint
}

// number formats a bound for people.
func number(r *big.Rat) string {
	if r.IsInt() {
		return r.RatString()
	}
	f, _ := r.Float64()
	return fmt.Sprint(f)
}
