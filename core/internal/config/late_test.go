// Late values: their stand-ins get into credentials, and nothing is run to load a file.

package config_test

import (
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/scrapekit/scrapekit/core/internal/config"
	"github.com/scrapekit/scrapekit/core/internal/credential"
)

const late = `
secret "token" {
  exec    = ["./token.sh", "${env("ACCOUNT")}"]
  ttl     = "1h"
}

locals {
  header = "Token ${secret.token}"
}

source "jira" {
  url      = "https://jira.example.com"
  projects = ["A"]
  http {
    auth "basic" {
      user     = keyring("jira", "me")
      password = format("%s-%s", trimspace(secret.token), keyring("jira", "me"))
    }
    auth "header" {
      name  = "X-Api-Key"
      value = local.header
    }
  }
}

sink "jsonl" {
  path = "x"
}
`

func TestLateValues(t *testing.T) {
	t.Parallel()
	file := write(t, "a.hcl", late, "token.sh", "#!/bin/sh\ntouch was-run\n")
	p := load(t, file, options(nil, map[string]string{"ACCOUNT": "me"}))
	dir := filepath.Dir(file)
	want := []config.Secret{
		{Title: `secret "token" (a.hcl:2)`, Exec: []string{filepath.Join(dir, "token.sh"), "me"}, Dir: dir,
			TTL: time.Hour, Timeout: 30 * time.Second},
		{Title: `keyring("jira", "me")`, Service: "jira", User: "me"},
	}
	for i := range p.Late {
		if i < len(want) {
			want[i].StandIn = p.Late[i].StandIn
		}
	}
	if !reflect.DeepEqual(p.Late, want) {
		t.Fatalf("got %+v\nwant %+v", p.Late, want)
	}
	token, key := p.Late[0].StandIn, p.Late[1].StandIn
	login := credential.Basic{User: key, Password: token + "-" + key}
	if a := p.Source.HTTP.Auth; a[0].Value != login || a[1].Value.Sent() != "Token "+token {
		t.Errorf("%+v", a)
	}
	if found, _ := filepath.Glob(filepath.Join(dir, "was-run")); found != nil {
		t.Error("to load the file ran the command")
	}
}

func TestNothingIsWorkedOutFromLateValues(t *testing.T) {
	t.Parallel()
	for _, expression := range []string{
		`lower(secret.token)`, `replace(local.header, "a", "b")`, `base64encode("me:${secret.token}")`,
		`secret.token == "x" ? "y" : "z"`,
		`substr(keyring("a", "b"), 0, 2)`, `strlen(secret.token)`,
	} {
		file := write(t, "a.hcl", strings.Replace(late, "value = local.header", "value = "+expression, 1))
		if got := refuse(t, file, options(nil, map[string]string{"ACCOUNT": "me"})); !strings.Contains(got,
			"expressions cannot use its value") {
			t.Errorf("%s: %s", expression, got)
		}
	}
}

// TestExposedFile: only a file that a credential comes from needs to be for its owner alone.
func TestExposedFile(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("files have no such modes")
	}
	for mode, want := range map[os.FileMode]bool{0o644: true, 0o640: true, 0o600: false} {
		file := write(t, "a.hcl", strings.NewReplacer("local.header", `trimspace(file("key"))`, `"./token.sh"`,
			`file("key")`).Replace(late), "key", "sesame-4711\n")
		if err := os.Chmod(filepath.Join(filepath.Dir(file), "key"), mode); err != nil {
			t.Fatal(err)
		}
		_, found := config.Load(t.Context(), file, options(nil, map[string]string{"ACCOUNT": "me"}))
		if got := strings.Contains(found.Error(),
			`auth "header": other users of this machine can read the file that value comes from`); got != want ||
			len(found) > 1 {
			t.Errorf("%s: %v", mode, found)
		}
	}
}
