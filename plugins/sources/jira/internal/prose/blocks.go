// Blocks of wiki markup: code, traces, logs, lists, tables and what bots write.

package prose

import (
	"fmt"
	"strings"
)

func (p *Writer) code() string {
	return p.fill(p.one([]string{
		"{code:java}\ntry (<class> s = new <class>(config)) {\n    s.<method>(Duration.ofMillis(<n>));\n" +
			"    assertEquals(<n>, s.<method>());\n}\n{code}",
		"{code}\nif (pending.size() > <n>) {\n    <method>(); // too early, see <class>\n    return;\n}\n{code}",
		"{code:sql}\nSELECT key, count(*) FROM t WHERE day = '2019-04-01' AND part = <n> GROUP BY key HAVING " +
			"count(*) > <n>;\n{code}",
		"{code:bash}\n$ bin/<component>-tool --set <setting>=<n> --dry-run\n$ echo $?\n1\n{code}",
		"{code:title=server.properties}\n<setting>=<n>\n<setting>=<n>\n{code}",
	}))
}

func (p *Writer) steps() string {
	lines := []string{"h3. Steps to reproduce", "# Start a cluster with " + p.fill("{{<setting>=<n>}}"),
		"# Cause " + p.fill("<event>"), "# Call " + p.fill("{{<class>.<method>}}")}
	return strings.Join(lines, "\n") + "\n\n*Expected:* no error\n*Actual:* " + p.fill("<thing> <does>")
}

func (p *Writer) bullets() string {
	lines := make([]string, 2+p.Rand.IntN(4))
	for i := range lines {
		lines[i] = "* " + p.Sentence()
	}
	return strings.Join(lines, "\n")
}

func (p *Writer) table() string {
	lines := []string{"||version||nodes||p99 (ms)||"}
	for range 2 + p.Rand.IntN(5) {
		lines = append(lines, p.fill("|<version>|<n>|<n>|"))
	}
	return strings.Join(lines, "\n")
}

// stackTrace is a Java trace; one in eight is longer than a screen.
func (p *Writer) stackTrace() string {
	depth := 6 + p.Rand.IntN(14)
	if p.Rand.IntN(8) == 0 {
		depth = 80 + p.Rand.IntN(60)
	}
	exception := p.one([]string{"java.lang.NullPointerException", "java.lang.IllegalStateException: already closed",
		"java.util.concurrent.TimeoutException", "java.io.IOException: No space left on device",
		"java.lang.OutOfMemoryError: Java heap space"})
	lines := []string{"{noformat}", exception}
	for i := range depth {
		if i > 0 && i%30 == 0 {
			lines = append(lines, "Caused by: "+exception)
		}
		class := p.one(p.Theme.classes)
		lines = append(lines, fmt.Sprintf("\tat %s.%s.%s(%s.java:%d)", p.Theme.pkg, class, p.one(p.Theme.methods),
			class, 20+p.Rand.IntN(900)))
	}
	return strings.Join(append(lines, "\tat java.base/java.lang.Thread.run(Thread.java:829)", "{noformat}"), "\n")
}

func (p *Writer) log() string {
	n := 5 + p.Rand.IntN(25)
	if p.Rand.IntN(6) == 0 {
		n = 85 + p.Rand.IntN(80)
	}
	lines := []string{"{noformat}"}
	for range n {
		lines = append(lines, p.LogLine())
	}
	return strings.Join(append(lines, "{noformat}"), "\n")
}

// LogLine is a line of a log.
func (p *Writer) LogLine() string {
	level := p.one([]string{"INFO", "INFO", "INFO", "DEBUG", "WARN", "ERROR"})
	return fmt.Sprintf("%02d:%02d:%02d,%03d %-5s [%s-%d] %s - %s", p.Rand.IntN(24), p.Rand.IntN(60), p.Rand.IntN(60),
		p.Rand.IntN(1000), level,
		p.one(p.Theme.Components), p.Rand.IntN(16), p.one(p.Theme.classes), p.fill(p.one([]string{
			"<method> took <n> ms", "waiting for <thing>", "<thing> <does>", "retrying <method>, attempt <n>",
			"<setting> is <n>", "finished <event>"})))
}

// PullRequest is what the bot of the code host copies into the issue.
func (p *Writer) PullRequest() string {
	author := p.People[p.Rand.IntN(len(p.People)-2)].Name
	number := 100 + p.Num%4000
	url := fmt.Sprintf("https://github.example.org/%s/pull/%d", strings.ToLower(p.Theme.Name), number)
	if p.Rand.IntN(2) == 0 {
		return fmt.Sprintf("%s opened a new pull request, #%d:\nURL: %s\n\n   %s\n   \n"+
			"   ## What changes were proposed\n   %s\n", author, number, url, p.Title, p.paragraph(2))
	}
	hunk := p.fill("   @@ -<n>,6 +<n>,7 @@ class <class>\n   -    <method>();\n   +    if (open) { <method>(); }\n")
	return fmt.Sprintf("%s commented on a change in pull request #%d:\nURL: %s#discussion_r%d\n\n\n##########\n"+
		"src/main/java/%s/%s.java:\n##########\n%s\nReview Comment:\n   %s\n",
		author, number, url, p.Rand.IntN(1_000_000_000), p.word("path"), p.one(p.Theme.classes), hunk, p.Sentence())
}

// Build is what the build server reports after a commit.
func (p *Writer) Build() string {
	name := p.Theme.Name + "-trunk"
	result := p.one([]string{"SUCCESS", "SUCCESS", "FAILURE", "UNSTABLE"})
	build := 1000 + p.Rand.IntN(4000)
	lines := []string{fmt.Sprintf("%s: Integrated in %s #%d (See [https://builds.example.org/job/%s/%d/])", result,
		name, build, name, build),
		fmt.Sprintf("%s-%d %s: rev %08x", p.Project, p.Num, p.Title, p.Rand.Uint32())}
	for range 1 + p.Rand.IntN(6) {
		lines = append(lines, p.fill("* (edit) src/main/java/<path>/<class>.java"))
	}
	return strings.Join(lines, "\n")
}
