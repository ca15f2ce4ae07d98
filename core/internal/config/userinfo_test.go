package config

import (
	"strings"
	"testing"
)

func TestHideUserinfo(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]string{
		`url = "https://jira.example.com/a"`:            `url = "https://jira.example.com/a"`,
		`url = "https://me:pass@jira.example.com"`:      `url = "https://me:****@jira.example.com"`,
		`url = "https://me:pa ss@jira.example.com"`:     `url = "https://me:*****@jira.example.com"`,
		`url = "https://me:p@ss/w%zz@host/x" # a@b`:     `url = "https://me:*********@host/x" # a@b`,
		`url = "https://me:p\"ss %@host"`:               `url = "https://me:*******@host"`,
		`url = "https://token@host/x@y"`:                `url = "https://*****@host/x@y"`,
		`url = "https://host/x@y"`:                      `url = "https://host/x@y"`,
		`a = "https://u:1@h" b = "postgres://u:22@h %"`: `a = "https://u:*@h" b = "postgres://u:**@h %"`,
		`url = "https://me:pass%zz`:                     `url = "https://me:pass%zz`,
		`://:@`:                                         `://:@`,
		`x://x://u:p@h`:                                 `x://x://u:*@h`,
	} {
		if got := hideUserinfo(given, func(s string) string { return strings.Repeat("*", len(s)) }); got != want {
			t.Errorf("%s\ngot  %s\nwant %s", given, got, want)
		}
	}
}
