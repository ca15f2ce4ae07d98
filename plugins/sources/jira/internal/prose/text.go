// Package prose invents what people write into a Jira: summaries, descriptions and comments in wiki
// markup, from random numbers alone. The test server and the demo's server tell it; nobody and no
// software in it exists.
package prose

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// A Writer writes text about one theme with the random numbers of one issue.
type Writer struct {
	Rand    *rand.Rand
	Theme   *Theme
	Project string // its key
	Num     int    // the issue's
	People  []Person
	Title   string // the summary
	Fixed   bool   // the issue ends in a fix
}

// Versions are the releases of every project.
func Versions() []string {
	return []string{"0.9.0", "1.0.0", "1.0.1", "1.1.0", "1.2.0", "2.0.0", "2.0.1", "2.1.0", "2.2.0", "3.0.0"}
}

func (p *Writer) one(list []string) string { return list[p.Rand.IntN(len(list))] }

// fill puts words of the theme in for the names in angle brackets.
func (p *Writer) fill(template string) string {
	var b strings.Builder
	for {
		before, rest, ok := strings.Cut(template, "<")
		b.WriteString(before)
		if !ok {
			return b.String()
		}
		name, after, _ := strings.Cut(rest, ">")
		b.WriteString(p.word(name))
		template = after
	}
}

func (p *Writer) word(name string) string {
	switch name {
	case "class":
		return p.one(p.Theme.classes)
	case "method":
		return p.one(p.Theme.methods)
	case "setting":
		return p.one(p.Theme.settings)
	case "thing":
		return p.one(p.Theme.things)
	case "event":
		return p.one(p.Theme.events)
	case "does":
		return p.one(p.Theme.actions)
	case "component":
		return p.one(p.Theme.Components)
	case "version":
		return p.one(Versions())
	case "n":
		return fmt.Sprint(2 + p.Rand.IntN(900))
	case "issue":
		return fmt.Sprintf("%s-%d", p.Project, 1+p.Rand.IntN(max(p.Num, 2)))
	case "mention":
		return "[~" + p.People[p.Rand.IntN(len(p.People)-2)].Name + "]"
	case "pkg":
		return p.Theme.pkg
	case "name":
		return p.Theme.Name
	case "path":
		return strings.ReplaceAll(p.Theme.pkg, ".", "/")
	}
	return name
}

// sentenceForms are the sentences of all texts.
func sentenceForms() []string {
	return []string{
		"After <event>, <thing> <does>.",
		"I can see this on <version> but not on <version>, so it came in somewhere between.",
		"The cause seems to be that {{<class>.<method>}} is called before {{<class>}} has been told about <event>.",
		"With {{<setting>=<n>}} it happens about once in <n> runs; with the default it takes a day.",
		"We have <n> nodes and only those that went through <event> are affected.",
		"In {{<class>}} the lock is taken twice, which is fine until <thing> is involved.",
		"This is related to <issue>, but the fix there does not cover <event>.",
		"A restart helps for a while, then <thing> <does> again.",
		"The documentation of {{<setting>}} says the opposite of what the code does.",
		"As far as I understand, <thing> must not depend on <event> at all.",
		"The metrics show <n> pending requests at that moment and the number never goes down.",
		"It would be enough to let {{<method>}} return early when there is nothing to do.",
		"I attached the thread dump; the interesting part is {{<class>.<method>}}.",
		"On Windows the same test passes, presumably because files are locked there.",
		"One could argue that <thing> should refuse this with a clear error instead.",
		"See the discussion at https://lists.example.org/thread/<n> for the background.",
		"The naïve approach – retrying {{<method>}} – makes it worse, since <thing> then <does>.",
	}
}

// Sentence is one sentence.
func (p *Writer) Sentence() string { return p.fill(p.one(sentenceForms())) }

func (p *Writer) paragraph(sentences int) string {
	parts := make([]string, max(sentences, 1))
	for i := range parts {
		parts[i] = p.Sentence()
	}
	return strings.Join(parts, " ")
}

// Summary is the title of an issue of a type.
func (p *Writer) Summary(kind string) string {
	forms := map[string][]string{
		"Bug": {"<class> <does> after <event>", "<method> throws when <thing> meets <event>",
			"Upgrade to <version> breaks <thing>",
			"<class>.<method> <does> if <setting> is <n>", "Race between <class> and <class> during <event>",
			"NullPointerException in <class>.<method>"},
		"Improvement": {"Make <setting> dynamic", "<class>: avoid copying in <method>",
			"Log which peer was involved when <thing> <does>",
			"Speed up <method> for more than <n> entries", "Expose a metric for <event>"},
		"New Feature": {"Support <event> in <thing>", "Add a command to inspect <thing>",
			"Allow <setting> per <component>"},
		"Task": {"Update dependencies of <component> for <version>", "Remove deprecated <class>",
			"Document <setting>", "Release <version>"},
		"Test": {"Flaky test: <class>Test.<method>AfterRestart", "Add a test for <event>",
			"<class>Test leaves files behind"},
	}
	return p.fill(p.one(forms[kind]))
}

// Description is the first text of an issue: some paragraphs and, by kind and
// chance, steps, a table, code, a trace or a log.
func (p *Writer) Description(kind string) string {
	parts := []string{p.paragraph(1 + p.Rand.IntN(4))}
	add := func(chance float64, block func() string) {
		if p.Rand.Float64() < chance {
			parts = append(parts, block())
		}
	}
	if kind == "Bug" || kind == "Test" {
		add(0.35, p.steps)
		add(0.35, p.stackTrace)
		add(0.15, p.log)
	}
	add(0.2, p.code)
	add(0.08, p.table)
	add(0.15, p.bullets)
	add(0.5, func() string { return p.paragraph(1 + p.Rand.IntN(3)) })
	add(0.06, func() string {
		return "Reported by [~" + p.People[4].Name + "] (" + p.People[4].Display + ") as well: 再起動の後に再現します。"
	})
	add(0.004, func() string { return "Console output: \x1b[31mERROR\x1b[0m \x00\x07 " + p.Sentence() })
	separator := "\n\n"
	if p.Rand.Float64() < 0.5 { // half of the browsers send CRLF
		separator = "\r\n\r\n"
	}
	return strings.Join(parts, separator)
}

// Environment is where a fault shows.
func (p *Writer) Environment() string {
	return p.fill("<name> <version>, " +
		p.one([]string{"Linux 5.15 x86_64", "Windows Server 2019", "macOS 14 arm64", "Debian 12 in Kubernetes 1.27"}) +
		", " + p.one([]string{"JDK 8u292", "JDK 11.0.20", "JDK 17.0.9"}))
}

// Reply is a comment by a person: the i-th of n.
func (p *Writer) Reply(i, n int) string {
	forms := []func() string{
		func() string { return p.paragraph(1 + p.Rand.IntN(3)) },
		func() string { return p.fill("<mention> " + p.Sentence()) },
		func() string { return "{quote}" + p.Sentence() + "{quote}\n" + p.paragraph(1+p.Rand.IntN(2)) },
		func() string { return p.Sentence() + "\n\n" + p.code() },
		func() string { return p.fill("Thanks <mention>, merged to trunk and <version>.") },
		func() string {
			return p.fill("Isn't this a duplicate of [" + p.Project + "-" + fmt.Sprint(1+p.Rand.IntN(max(p.Num, 2))) +
				"|https://jira.example.org/browse/" + p.Project + "]?")
		},
		func() string { return "+1 " + p.Sentence() },
		func() string { return p.paragraph(2) + "\n\n" + p.bullets() },
		func() string { return "I get this too:\n" + p.stackTrace() },
		func() string { return p.Sentence() + "\r\n\r\n" + p.log() },
	}
	weights := []int{30, 16, 10, 8, 6, 4, 6, 6, 5, 2}
	if i < n-2 || !p.Fixed {
		weights[4] = 0 // a merge comes last, and only with a fix
	}
	total := 0
	for _, w := range weights {
		total += w
	}
	x := p.Rand.IntN(total)
	for k, w := range weights {
		if x -= w; x < 0 {
			return forms[k]()
		}
	}
	return forms[0]()
}
