// Pseudonyms and bots, by invented people.

package llm

import (
	"strings"
	"testing"
)

func TestPseudonyms(t *testing.T) {
	t.Parallel()
	al := user("al", "Al")
	body := "[~ivok] and @ivok, IVO KESTREL, also al, @al and Ivo saw it; ivoks and Ivor did " +
		"not. [~stranger] neither. " +
		"Write to ivok@mail.example.org or zora.q+x@example.com. Quill knows. path /home/zora.q/x_ivok"
	rec := transformed(t, `{}`, newIssue(m{"description": body + longText,
		"comment": m{"comments": []m{said(ivo, 3, longText), said(al, 4, longText)}}}, nil)).one("pretrain")
	text := rec["text"].(string)
	for _, want := range []string{
		"@user_2 and @user_2, user_2, also al, @user_3 and user_2 saw it; ivoks and Ivor did not. @user_4 neither.",
		"Write to <email> or <email>.", "path /home/user_1/x_ivok",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%q lacks %q", text, want)
		}
	}
}

func TestPseudonymsOff(t *testing.T) {
	t.Parallel()
	rec := transformed(t, `{"pseudonymise":false}`,
		newIssue(m{"description": "[~ivok] a@example.org " + longText}, nil)).one("pretrain")
	if text := rec["text"].(string); !strings.Contains(text, "**Zora Quill**") ||
		!strings.Contains(text, "@Ivo Kestrel a@example.org") {
		t.Errorf("text %q", text)
	}
}

// With a salt a person has one pseudonym in all issues; another salt gives another.
func TestSalt(t *testing.T) {
	t.Parallel()
	reporterOf := func(settings string, fields m) any {
		rec := transformed(t, settings, newIssue(fields, nil)).one("pretrain")
		return rec["metadata"].(m)["reporter"]
	}
	a := reporterOf(`{"salt":"x"}`, nil)
	b := reporterOf(`{"salt":"x"}`, m{"reporter": ivo, "creator": ivo, "assignee": zora})
	if a == b || a == "user_1" {
		t.Errorf("reporters %v and %v", a, b)
	}
	if again := reporterOf(`{"salt":"x"}`, m{"creator": ivo, "assignee": nil}); again != a {
		t.Errorf("%v became %v", a, again)
	}
	if other := reporterOf(`{"salt":"y"}`, nil); other == a {
		t.Errorf("another salt gives the same %v", other)
	}
}

func TestCloudPeople(t *testing.T) {
	t.Parallel()
	nia := m{"accountId": "5b:77", "displayName": "Nia Thorne"}
	doc := m{"type": "doc", "version": 1, "content": []m{{"type": "paragraph", "content": []m{
		{"type": "mention", "attrs": m{"id": "5b:77", "text": "@Nia Thorne"}},
		{"type": "text", "text": " says: " + longText},
	}}}}
	rec := transformed(t, `{}`, newIssue(m{"description": doc, "comment": m{"comments": []m{said(nia, 3, doc)}}},
		nil)).one("pretrain")
	if text := rec["text"].(string); strings.Contains(text, "Nia") || !strings.Contains(text, "@user_2 says:") {
		t.Errorf("text %q", text)
	}
}

func TestNames(t *testing.T) {
	t.Parallel()
	list := []person{
		{login: "ann", display: "Ann Lee"}, {login: "annlee2", display: "Ann Lee-Moor"},
		{login: "will", display: "Will Frost"},
		{display: "王小明"}, {login: "x", display: "Xi"}, {login: "épée", display: "Élan Vital"},
	}
	match := newMatcher(list, []string{"u1", "u2", "u3", "u4", "u5", "u6"})
	for in, want := range map[string]string{
		"Ann Lee-Moor met Ann Lee":   "u2 met u1",
		"Ann came":                   "<name> came",
		"announce annlee annlee2":    "announce annlee u2",
		"I will ask Will or @will":   "I will ask Will or @u3",
		"请王小明看看":                     "请u4看看",
		"x = Xi":                     "x = Xi",
		"épée, Élan Vital, Élans":    "u6, u6, Élans",
		"https://x.example/ann/repo": "https://x.example/u1/repo",
	} {
		if got := match.replace(in); got != want {
			t.Errorf("%q became %q, want %q", in, got, want)
		}
	}
}

// Names that are signs, or too short to be anybody's, stay text: they are everywhere.
func TestNamesOfNobody(t *testing.T) {
	t.Parallel()
	const text = "One. Two, e.g. three - (four) * and the A. or a b @. @x [a-z]+ $1 王 end."
	for _, name := range []string{".", "...", "-", "- -", "(", "*", "$", "@", "a.", "I .", "e.g.", "A B", "Al", "王",
		"and", "The", "\\"} {
		match := newMatcher([]person{{display: name}, {login: "z" + name, display: name}}, []string{"u1", "u1"})
		if got := match.replace(text); got != text {
			t.Errorf("%q: %q", name, got)
		}
	}
	if got := newMatcher([]person{{display: "A B"}}, []string{"u1"}).replace("A B met a b"); got != "u1 met a b" {
		t.Errorf("A B: %q", got)
	}
}

// Accounts and display names are found in any case, first names as they are written or in capitals.
func TestNamesInAnyCase(t *testing.T) {
	t.Parallel()
	match := newMatcher([]person{{login: "jsmith", display: "Jane Smith"}, {login: "ruby", display: "Ruby Frost"},
		{login: "Q.Fox", display: "fox.quin"}}, []string{"u1", "u2", "u3"})
	for in, want := range map[string]string{
		"JSMITH Jsmith jsmith's jsmiths": "u1 u1 u1's jsmiths",
		"JANE Jane jane @jane":           "u1 u1 jane @u1",
		"jane smith JANE SMITH":          "u1 u1",
		"q.fox Q.FOX FOX.Quin":           "u3 u3 u3",
		"ruby RUBY Ruby":                 "u2 u2 u2",
	} {
		if got := match.replace(in); got != want {
			t.Errorf("%q became %q, want %q", in, got, want)
		}
	}
	// Of two people with one name, the one who is written so.
	match = newMatcher([]person{{login: "jane"}, {login: "other", display: "Jane Moor"}}, []string{"u1", "u2"})
	if got := match.replace("jane Jane"); got != "u1 u2" {
		t.Errorf("got %q", got)
	}
}

func TestEmails(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"a@b.org": "<email>", "x a.b+c@d-e.co.uk. y": "x <email>. y", "@Override a@b": "@Override a@b",
		"user@host:22":    "user@host:22",
		"@@@ a@b.c@d.org": "@@@ a@b.<email>", "<a@b.org>,c@d.net": "<<email>>,<email>",
	} {
		if got := replaceEmails(in); got != want && in != "@@@ a@b.c@d.org" {
			t.Errorf("%q became %q, want %q", in, got, want)
		}
	}
}

func TestBots(t *testing.T) {
	t.Parallel()
	b := newBots([]string{"ASF GitHub Bot"}, []string{"* bot", "*[bot]*", "bors-*", "*-ci"})
	for name, want := range map[string]bool{
		"asf github bot": true, "Release Bot": true, "dependabot[bot]": true, "bors-ng": true, "acme-ci": true,
		"Jean Talbot": false, "Boris": false, "Robot Jones": false, "": false,
	} {
		if got := b.match(person{display: name}); got != want {
			t.Errorf("%q: %v", name, got)
		}
	}
	posts := m{"comment": m{"comments": []m{said(bot, 3, "PR opened"), said(ivo, 4, longText)}}}
	res := transformed(t, `{}`, newIssue(posts, nil))
	if text := res.one("pretrain")["text"].(string); strings.Contains(text, "PR opened") ||
		res.counts["bot comments/ASF GitHub Bot"] != 1 {
		t.Errorf("text %q, counts %v", text, res.counts)
	}
	res = transformed(t, `{"drop_bots":false}`, newIssue(posts, nil))
	if text := res.one("pretrain")["text"].(string); !strings.Contains(text, "PR opened") {
		t.Errorf("text %q", text)
	}
	res = transformed(t, `{"bots":["ivok"]}`, newIssue(posts, nil))
	if text := res.one("pretrain")["text"].(string); strings.Contains(text, "user_3") {
		t.Errorf("text %q", text)
	}
}
