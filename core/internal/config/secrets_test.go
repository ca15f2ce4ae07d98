// Secrets: planted in every place where one can stand, and looked for in everything that is
// printed.

package config_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/scrapekit/scrapekit/core/internal/config"
)

// planted is the secret. Its parts are looked for too: a function may hand on a piece of it.
const planted = "hunter2-XqPLANTED-xyz"

var pieces = []string{"hunter2", "PLANTED", "planted", "HUNTER2"}

// faults are attributes that go wrong with a sensitive value in them.
var faults = map[string]string{
	"wrong type":          `page_size = env("S")`,
	"not a number":        `page_size = tonumber(env("S"))`,
	"parseint":            `page_size = parseint(env("S"), 10)`,
	"not JSON":            `secret = jsondecode(env("S"))`,
	"enum":                `flavour = env("S")`,
	"upper in enum":       `flavour = upper(env("S"))`,
	"piece in enum":       `flavour = substr(env("S"), 0, 7)`,
	"url":                 `url = env("S")`,
	"piece in url":        `url = "https://example.com:${substr(env("S"), 0, 7)}/"`,
	"url of a wrong form": `url = "https://${upper(env("S"))}:x/%zz"`,
	"duration":            `wait = lower(env("S"))`,
	"key":                 `fields = { (env("S")) = 5 }`,
	"key in upper case":   `fields = { (upper(env("S"))) = 5 }`,
	"index":               `secret = { a = 1 }[env("S")]`,
	"piece as index":      `secret = { a = 1 }[substr(env("S"), 0, 7)]`,
	"lookup":              `secret = lookup({ a = 1 }, lower(env("S")), [])`,
	"regex":               `secret = regex("^$", upper(env("S")))`,
	"pattern":             `secret = regex("[${upper(env("S"))}", "x")`,
	"for":                 `filters = [for p in split("-", env("S")) : { field = p, limit = tonumber(p) }]`,
	"element":             `projects = [5, upper(env("S")), split("-", env("S"))]`,
	"try":                 `page_size = try(tonumber(env("S")), parseint(upper(env("S")), 10))`,
	"file name":           `secret = file(upper(env("S")))`,
	"env name":            `secret = env(upper(env("S")))`,
	"file":                `page_size = file("secret.txt")`,
	"variable":            `page_size = var.secret`,
	"local":               `page_size = local.secret`,
	"variable in a call":  `page_size = tonumber(upper(var.secret))`,
	"local in a call":     `page_size = parseint(lower(local.secret), 10)`,
	"part of a variable":  `page_size = var.parts.a + lookup({}, upper(var.parts.b), var.parts.nope)`,
	"sensitive":           `page_size = sensitive("` + planted + `")`,
	"setting":             `secret = ["` + planted + `"]`,
	"csv":                 `filters = csvdecode("a\n${upper(env("S"))}")`,
	"base64":              `secret = base64decode(env("S"))`,
	"condition":           `deleted = env("S") ? true : false`,
	"operator":            `page_size = env("S") + 1`,
	"format":              `secret = format("%d", upper(env("S")))`,
	"nested":              `filters = [{ field = "a", limit = 1, other = upper(env("S")) }]`,
	"set":                 `projects = toset([upper(env("S")), []])`,
	"unknown name":        `filters = [{ (upper(env("S"))) = 1, (lower(env("S"))) = 1 }]`,
	"timeadd":             `wait = timeadd(upper(env("S")), "1h")`,
}

func TestSecretsStayHidden(t *testing.T) {
	t.Parallel()
	for name, fault := range faults {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file := write(t, "jira.hcl", `
variable "secret" {
  type      = string
  sensitive = true
}
variable "parts" {
  default   = { a = "`+planted+`", b = "`+planted+`" }
  sensitive = true
}
locals {
  secret = "x${upper(var.secret)}"
}
source "jira" {
  `+fault+`
}
sink "jsonl" {
  path = "x"
}
`, "secret.txt", planted+"\n")
			o := options(map[string]string{"secret": planted}, map[string]string{"S": planted})
			printed := refuse(t, file, o)
			noSecret(t, printed)
			if !strings.Contains(printed, "jira.hcl:14:") {
				t.Errorf("the fault in line 14 is not reported:\n%s", printed)
			}
		})
	}
}

// noSecret fails if a piece of the planted secret is in what was printed.
func noSecret(t *testing.T, printed string) {
	t.Helper()
	for _, piece := range pieces {
		if strings.Contains(printed, piece) {
			t.Errorf("%q is shown:\n%s", piece, printed)
		}
	}
}

func TestSecretsInHostBlocks(t *testing.T) {
	t.Parallel()
	file := write(t, "jira.hcl", `
variable "number" {
  type      = number
  sensitive = true
}
variable "list" {
  type      = list(string)
  default   = "`+planted+`"
  sensitive = true
}
pipeline {
  name         = env("S")
  concurrency  = env("S")
  commit_every = upper(env("S"))
  commit_bytes = lower(env("S"))
  required_plugins {
    acme = { source = upper(env("S")) }
  }
}
source "jira" {
  url      = "https://user:`+planted+`@example.com"
  projects = []
  http {
    allow      = [upper(env("S"))]
    rate       = env("S")
    user_agent = "${env("S")}\n"
    auth "bearer" {
      token = "`+planted+`\n"
      usre  = "x"
    }
  }
  select {
    streams = [upper(env("S")), upper(env("S"))]
  }
}
sink "jsonl" {
  path = "x"
  http {
    auth "header" {
      name    = upper(env("S"))
      value   = ["`+planted+`"]
      origins = [upper(env("S"))]
    }
  }
}
`)
	noSecret(t, refuse(t, file, options(map[string]string{"number": planted}, map[string]string{"S": planted})))
}

// TestSecretInABrokenURL: a password that stands in the file is not shown, least of all because the
// URL cannot be read.
func TestSecretInABrokenURL(t *testing.T) {
	t.Parallel()
	for _, url := range []string{"https://me:" + planted + " %zz@example.com", "https://" + planted + "%zz@example.com",
		"hpps://me:" + planted + "@example.com", "https://me:" + planted + "@exa mple.com/%"} {
		for _, text := range []string{
			"source \"jira\" {\n url = \"" + url + "\"\n}\n",
			"source \"jira\" {\n url = \"https://a.b\"\n http {\n  allow = [\"" + url + "\"]\n  proxy = \"" + url +
				"\"\n }\n}\n",
			"source \"jira\" {\n url = \"https://a.b\"\n unknown = \"" + url + "\"\n}\n",
		} {
			file := write(t, "jira.hcl", text+"sink \"jsonl\" {\n path = \"x\"\n}\n")
			noSecret(t, refuse(t, file, options(nil, nil)))
		}
	}
}

func TestSecretsOfAPipeline(t *testing.T) {
	t.Parallel()
	file := write(t, "jira.hcl", `
variable "key" {
  sensitive = true
}
source "jira" {
  url      = nonsensitive(env("URL"))
  projects = [env("PROJECT", "KAFKA")]
  secret   = "Bearer ${trimspace(file("token.txt"))}"
  fields   = { a = var.key, b = upper(var.key), c = "plain", d = env("USER")
             e = nonsensitive(env("USER")), f = env("USER") }
  http {
    auth "basic" {
      user     = nonsensitive(var.key)
      password = nonsensitive("literal-password")
    }
  }
}
sink "jsonl" {
  path = env("SHORT")
}
`, "token.txt", "tok-123456\n")
	env := map[string]string{"URL": "https://jira.example.com", "SHORT": "abc", "USER": "somebody",
		"SCRAPEKIT_VAR_key": "sesame"}
	p := load(t, file, options(nil, env))
	want := []string{"Bearer tok-123456", "literal-password", "tok-123456\n", "tok-123456", "SESAME"}
	if !slices.Equal(p.Secrets, want) {
		t.Errorf("got %q, want %q", p.Secrets, want)
	}
	if got := setting(t, p.Source, "secret"); got != "Bearer tok-123456" {
		t.Errorf("the plugin gets %v", got)
	}
	if got := setting(t, p.Source, "projects"); got.([]any)[0] != "KAFKA" {
		t.Errorf("the plugin gets %v", got)
	}
}

// TestSecretsInHints shows that the exact secret is hidden even where a message is made of source
// text.
func TestSecretsInHints(t *testing.T) {
	t.Parallel()
	file := write(t, "jira.hcl", `
locals {
  a = sensitive("`+planted+`")
  b = "`+planted+`" + 1
}
`+small)
	var out strings.Builder
	_, diagnostics := config.Load(t.Context(), file, options(nil, nil))
	if err := config.Write(&out, diagnostics, inColour, 80); err != nil {
		t.Fatal(err)
	}
	noSecret(t, out.String()+diagnostics.Error())
	if !diagnostics.HasErrors() || !strings.Contains(out.String(), "****") {
		t.Errorf("got %s", out.String())
	}
}
