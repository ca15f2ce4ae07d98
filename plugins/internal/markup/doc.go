// Package markup turns the two text formats of Jira into Markdown: wiki markup (Data Center, and
// Cloud's REST v2) and the Atlassian Document Format (Cloud's REST v3).
//
// [ParseWiki] and [ParseADF] read both into one tree of [Node]s, and [Markdown] writes the tree.
// The functions are pure, never panic, and take time linear in the input: a failed search is
// remembered, so that it is not repeated for each unclosed mark, and nesting is bounded.
//
// The Markdown is meant to be read by people and models. A line break is a line break, and only
// characters that would change the structure are escaped: a reader of GitHub-flavoured Markdown
// finds the same text and blocks. What Markdown lacks (colours, alignment, sizes) is dropped; text
// never is.
package markup
