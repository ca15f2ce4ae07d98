// Nesting: the parser must neither exhaust the stack nor refuse what is merely long.

package config_test

import (
	"strings"
	"testing"

	"github.com/scrapekit/scrapekit/core/internal/config"
)

func TestNesting(t *testing.T) {
	t.Parallel()
	for _, part := range []string{"(", "[", "{a=", "!", "-", "\"${", "f(", "a[", "a ? ", "[for a in ", "\"%{if a}",
		"{ x = ["} {
		for _, n := range []int{200, 240_000 / len(part)} {
			file := write(t, "a.hcl", "locals {\n  a = "+strings.Repeat(part, n))
			p, diagnostics := config.Load(t.Context(), file, options(nil, nil))
			if p != nil || !diagnostics.HasErrors() {
				t.Errorf("%d of %q: no error", n, part)
			}
			if deep := strings.Contains(diagnostics.Error(), "nest too deep"); deep != (n > 200) {
				t.Errorf("%d of %q: %v", n, part, diagnostics)
			}
		}
	}
	long := "source \"github\" {\n  x = [" + strings.Repeat("-1, ", 5000) +
		"]\n}\nsink \"jsonl\" {\n  path = \"x\"\n}\n"
	load(t, write(t, "a.hcl", long), options(nil, nil))
}

func TestNestingOfAVariable(t *testing.T) {
	t.Parallel()
	o := options(map[string]string{"x": strings.Repeat("[", 1<<20)}, nil)
	if got := refuse(t, write(t, "a.hcl", withVariable("type = list(string)")), o); !strings.Contains(got,
		"not a value of type") {
		t.Errorf("got %s", got)
	}
}
