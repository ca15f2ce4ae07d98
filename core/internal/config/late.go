// Late values: those of secret blocks and of keyring(). A run obtains them on first use. Until then
// each has a placeholder, which only a credential may contain.

package config

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
)

const defaultSecretTimeout = 30 * time.Second

// lateMark is the mark of a value that contains a placeholder.
type lateMark string

// lateIn returns the placeholders in a value, and whether a credential can contain it.
func lateIn(v cty.Value) (standIns []string, whole bool) {
	plain, marks := v.UnmarkDeepWithPaths()
	for _, m := range marks {
		for mark := range m.Marks {
			if late, ok := mark.(lateMark); ok {
				standIns = append(standIns, string(late))
			}
		}
	}
	slices.Sort(standIns)
	standIns = slices.Compact(standIns)
	if len(standIns) == 0 {
		return nil, true
	}
	if plain.Type() != cty.String || !plain.IsKnown() || plain.IsNull() {
		return standIns, false
	}
	for _, s := range standIns {
		if !strings.Contains(plain.AsString(), s) {
			return standIns, false
		}
	}
	return standIns, true
}

// addLate adds a late value and returns its placeholder.
func (l *loader) addLate(s Secret) cty.Value {
	l.late = append(l.late, s)
	return cty.StringVal(s.StandIn).WithMarks(cty.NewValueMarks(lateMark(s.StandIn), sensitiveMark))
}

// evaluateSecrets adds the placeholders of all secret blocks to the scope.
func (l *loader) evaluateSecrets(blocks []*hclsyntax.Block) {
	values := map[string]cty.Value{}
	places := map[string]*hclsyntax.Block{}
	for _, b := range blocks {
		if len(b.Labels) != 1 || !hclsyntax.ValidIdentifier(b.Labels[0]) {
			l.fail(b.DefRange(), `write secret "name" { … }; a name is letters, digits, _ and -`,
				"a secret has one label, its name")
			continue
		}
		name := b.Labels[0]
		if first := places[name]; first != nil {
			l.fail(b.DefRange(), "the first is at "+l.pos(first.TypeRange), "a second secret %q", name)
			continue
		}
		places[name] = b
		values[name] = l.addLate(l.secret(name, b))
	}
	l.scope.Variables["secret"] = cty.ObjectVal(values)
}

// secret reads `secret "NAME" { … }`.
func (l *loader) secret(name string, b *hclsyntax.Block) Secret {
	title := fmt.Sprintf("secret %q", name)
	s := l.section(title, b.Body)
	out := Secret{StandIn: "⟦secret." + name + "⟧", Title: fmt.Sprintf("%s (%s)", title, l.pos(b.TypeRange)),
		Dir: l.dir}
	var at hcl.Range
	out.Exec, at = s.texts("exec", `exec = ["op", "read", "op://vault/jira/token"]`)
	switch {
	case b.Body.Attributes["exec"] == nil:
		s.fail(b.DefRange(), `for example exec = ["op", "read", "op://vault/jira/token"]`, "%s: exec is missing", title)
	case out.Exec != nil && (len(out.Exec) == 0 || out.Exec[0] == ""):
		s.fail(at, "", "%s: exec names no command", title)
	case len(out.Exec) > 0 && isPath(out.Exec[0]):
		out.Exec[0] = l.resolve(out.Exec[0])
	}
	out.TTL = s.duration("ttl", 0)
	out.Timeout = s.duration("timeout", defaultSecretTimeout)
	s.end()
	return out
}

// keyringFunction is keyring(service, user): a password in the system's keyring.
func (l *loader) keyringFunction() function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{{Name: "service", Type: cty.String}, {Name: "user", Type: cty.String}},
		Type:   function.StaticReturnType(cty.String),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			v := cty.DynamicVal
			l.budget.note(func() { v = l.keyringValue(args[0].AsString(), args[1].AsString()) })
			return v, nil
		},
	})
}

func (l *loader) keyringValue(service, user string) cty.Value {
	s := Secret{Service: service, User: user}
	s.Title = fmt.Sprintf("keyring(%q, %q)", s.Service, s.User)
	for i, known := range l.late {
		if known.Title == s.Title {
			s = known
			l.late = slices.Delete(l.late, i, i+1)
			break
		}
	}
	if s.StandIn == "" {
		s.StandIn = "⟦" + regexp.MustCompile(`[^A-Za-z0-9()"]`).ReplaceAllStringFunc(s.Title,
			func(c string) string { return fmt.Sprintf("_%x", c) }) + "⟧"
	}
	return l.addLate(s)
}

// checkLate reports a late value where the value must be known before the run, and a value computed
// from one.
func (s *section) checkLate(name string, v cty.Value, at hcl.Range) bool {
	standIns, whole := lateIn(v)
	switch {
	case len(standIns) == 0 || s.late && whole:
		return true
	case s.late:
		s.fail(at, `put it in as it is, or into a text: "Token ${secret.name}"`,
			"%s: %s: the secret is looked up during the run: expressions cannot use its value", s.title, name)
	default:
		s.fail(at, "it goes into auth blocks; elsewhere use env() or file()",
			"%s: %s cannot hold a secret that is looked up during the run", s.title, name)
	}
	return false
}

// passing are the functions that return a placeholder unchanged within their result.
var passing = []string{"keyring", "sensitive", "nonsensitive", "format", "join", "trimspace", "chomp"}

// checkCalls reports a function that would process the placeholder of a secret instead of the
// secret.
func (l *loader) checkCalls(expr hclsyntax.Expression, v cty.Value) bool {
	if standIns, _ := lateIn(v); len(standIns) == 0 {
		return true
	}
	for _, call := range calls(expr) {
		if !slices.Contains(passing, call.Name) {
			l.fail(call.NameRange, `put it in as it is, or into a text: "Token ${secret.name}"`,
				"%s(): the secret is looked up during the run: expressions cannot use its value", call.Name)
			return false
		}
	}
	return true
}
