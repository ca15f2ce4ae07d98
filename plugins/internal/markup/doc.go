// Package markup turns the two text formats of Jira into Markdown: wiki markup (Data Center, and
// Cloud's REST v2) and the Atlassian Document Format (Cloud's REST v3).
//
// Both are read into one tree of [Node]s, by [ParseWiki] and [ParseADF], and [Markdown] writes the
// tree. The functions are pure, never panic, and take time in proportion to the input, whatever the
// input is: a search that failed is remembered, so that it is not made again for each unclosed
// mark, and nesting is bounded.
//
// The Markdown is meant to be read, by people and by models: a line break is a line break, and only
// what would change the structure is escaped: a reader of GitHub-flavoured Markdown finds the same
// text and blocks. What Markdown lacks (colours, alignment, sizes) is dropped; text never is.
package markup
