// Package jiratest is a Jira of our own: an http.Handler with an in-memory
// store. Tests of the jira source read from it, and `scrapekit demo` serves
// from it, so it behaves as the two real products do where that matters to a
// reader: Data Center (REST v2, startAt paging) and Cloud (REST v3 with
// Atlassian documents, nextPageToken paging).
//
// What it copies faithfully because readers trip over it:
//
//   - A page may hold fewer issues than asked for; the reply says how many.
//   - Issues that tie on the sort field come in a new order with each request,
//     unless the last sort key is the issue key.
//   - In JQL the names id, key, issue and issuekey are one field. A comparison
//     such as `id >= 10042` first looks that issue up and then means "the same
//     project, key number at least that of this issue". An id that no issue has
//     is an error on Data Center ("A value with ID '…' does not exist for the
//     field 'id'.") and matches nothing on Cloud. ORDER BY id sorts by key.
//   - JQL dates as strings are read to the minute in the account's time zone;
//     epoch milliseconds are not bound to a zone.
//   - Cloud cuts the embedded comments (oldest missing), both cut the embedded
//     worklogs at 20, and Cloud cuts an expanded changelog at 100.
//   - A deleted issue just stops matching, and its sub-tasks with it; a moved one
//     keeps its id and answers to its old key.
//   - Comments, worklogs, attachments and links bump updated. Votes, watches and
//     properties do not, nor does what an issue shows of others or of the site:
//     the status of its parent, the name of a version, a user or a sprint.
//   - The feeds of worklogs end a minute ago; details by id, like the bulk reads
//     of Cloud, leave out what is not to be seen without a word.
//   - Attachments of Cloud are on another host, which notes what headers it got.
//   - A board without sprints answers 400, in a language of its own.
//
// A Server is made by New, filled by Generate or LoadIssues, and may be changed
// by Create, Edit, Comment and their like while it serves, or by Mutate at
// random. Its Books say what there is, stream by stream, without the routes.
package jiratest
