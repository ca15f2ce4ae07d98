// Files of a few lines that ask for more memory or time than there is.

package config_test

import (
	"context"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/scrapekit/scrapekit/core/internal/config"
)

const bombSuffix = "\nsource \"jira\" {\n  url = \"https://jira.example.com\"\n  projects = [\"A\"]\n}\n" +
	"sink \"jsonl\" {\n  path = \"out/x.jsonl\"\n}\n"

// TestBombs is not parallel: it looks at the memory.
func TestBombs(t *testing.T) {
	const list = "r = range(1000)\n"
	wide := strings.Repeat("x", 100_000)
	for name, locals := range map[string]string{
		"lists of lists of lists": list + `a = [for i in local.r: [for j in local.r: [for k in local.r: 1]]]`,
		"shared and written out": list +
			"a = [for i in local.r: \"xxxxxxxxxxxxxxxxxxxx\"]\nb = [for i in local.r: local.a]\n" +
			"c = [for i in local.r: local.b]\nd = jsonencode(local.c)",
		"shared and compared": list +
			"a = [for i in local.r: 1]\nb = [for i in local.r: local.a]\n" +
			"c = [for i in local.r: local.b] == [for i in local.r: local.b]",
		"a text that repeats": list +
			"a = join(\"\", [for i in local.r: \"a\"])\nb = replace(local.a, \"\", local.a)\n" +
			"c = replace(local.b, \"\", local.b)\nd = replace(local.c, \"\", local.c)",
		"a pattern that repeats": list +
			"a = join(\"\", [for i in local.r: \"aaaaaaaaaa\"])\nb = regexreplace(local.a, \"a*\", local.a)\n" +
			"c = regexreplace(local.a, \"(a)\", \"$1$1$1$1${local.a}\")",
		"joined": list + "a = \"" + wide + "\"\nb = join(local.a, local.r)",
		"in a template": list + "a = \"" + wide +
			"\"\nb = join(\"\", [for i in range(100): local.a])\nc = \"" + strings.Repeat("${local.b}", 1000) + "\"",
		"in a template's loop": list + "a = \"%{ for i in local.r }%{ for j in local.r }" + wide[:100] +
			"%{ endfor }%{ endfor }\"",
		"each with each": list + "a = setproduct(local.r, local.r, local.r)",
		"each with each compared": list +
			"a = distinct(flatten([for i in range(80): [for j in range(80): i * 80 + j]]))",
		"spaces":          `a = indent(1000000000, "a\nb")`,
		"a wide number":   `a = format("%1000000000d", 1)`,
		"a wide text":     `a = format("%500000000s", "x")`,
		"many wide texts": list + `a = formatlist("%100000s", local.r)`,
		"a splat":         list + "a = [for i in local.r: {x = local.r}]\nb = [for i in local.r: local.a[*].x]",
		"an object":       list + "a = {for i in local.r: \"k${i}\" => {for j in local.r: \"k${j}\" => 1}}",
		"in try, and again": list +
			`a = try(setproduct(local.r, local.r, local.r), setproduct(local.r, local.r, local.r), "")` +
			"\nb = setproduct(local.r, local.r)",
		"in a condition": list +
			`a = [for i in local.r: i if length([for j in local.r: [for k in range(50): k]]) > 0]`,
		"merged": list +
			"a = {for i in local.r: \"k${i}\" => local.r}\nb = [for i in local.r: merge(local.a, {x = i})]",
	} {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, d := config.Load(t.Context(), write(t, "p.hcl", "locals {\n"+locals+"\n}\n"+bombSuffix),
				options(nil, nil))
			runtime.ReadMemStats(&after)
			if !strings.Contains(d.Error(), "grow too large") {
				t.Errorf("%.300v", d.Error())
			}
			if n := (after.TotalAlloc - before.TotalAlloc) >> 20; n > 1500 {
				t.Errorf("it took %d MiB in all", n)
			}
		})
	}
}

// TestLargeFiles: what people write stays far from the bounds.
func TestLargeFiles(t *testing.T) {
	t.Parallel()
	list := "jsondecode(file(\"keys.json\"))"
	keys := "[" + strings.TrimSuffix(strings.Repeat(`"PROJECT",`, 2_000), ",") + "]"
	text := "locals {\n k = " + list + "\n up = [for k in local.k: upper(k) if k != \"\"]\n" +
		" n = join(\",\", local.up)\n m = {for i, k in local.k: \"${k}-${i}\" => k}\n}" + bombSuffix
	if _, d := config.Load(t.Context(), write(t, "p.hcl", text, "keys.json", keys), options(nil, nil)); len(d) > 0 {
		t.Error(d)
	}
}

// hanging is a file whose expression never comes to its end, as those that read what never ends:
// started is closed when it is at that.
func hanging(t *testing.T) (file string, o config.Options, started, release chan struct{}) {
	t.Helper()
	o = options(nil, nil)
	started, release = make(chan struct{}), make(chan struct{})
	o.Getenv = func(name string) (string, bool) {
		if name == "HANGS" {
			close(started)
			<-release
		}
		return "late-secret", name == "HANGS"
	}
	return write(t, "p.hcl", "locals {\n a = env(\"HANGS\")\n b = upper(local.a)\n}\n"+bombSuffix), o, started, release
}

func TestLoadIsStopped(t *testing.T) {
	t.Parallel()
	file, o, started, release := hanging(t)
	ctx, stop := context.WithCancel(t.Context())
	go func() {
		<-started
		stop()
	}()
	if _, d := config.Load(ctx, file, o); !strings.Contains(d.Error(), "was stopped") {
		t.Errorf("%v", d)
	}
	close(release)
}

func TestLoadTakesTooLong(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		file, o, _, release := hanging(t)
		if _, d := config.Load(t.Context(), file, o); !strings.Contains(d.Error(),
			"p.hcl:2: the expressions of this file take longer than 1m0s") {
			t.Errorf("%v", d)
		}
		close(release)
	})
}
