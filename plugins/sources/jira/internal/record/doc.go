// Package record makes the records of the streams that come out of issues. Its functions are pure:
// the same JSON of Jira gives the same bytes, whenever and by whomever it is read: the one time in
// a record that is not Jira's is that of the plan.
//
// A record repeats what the consumers of one stream alone need (the id and key, who and
// when), and holds in "raw" what Jira said. Text comes as Jira has it, wiki markup or an Atlassian
// document, and beside it as Markdown.
package record
