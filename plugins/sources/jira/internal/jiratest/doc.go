// Package jiratest is a simulated Jira: an http.Handler with an in-memory store. Tests of the jira
// source read from it, and `scrapekit demo` serves it. It behaves as the two real products do where
// that matters to a reader: Data Center (REST v2, startAt paging) and Cloud (REST v3 with Atlassian
// documents, nextPageToken paging).
//
// It reproduces behaviour that readers are known to get wrong:
//
//   - A page may hold fewer issues than requested; the reply states the number.
//   - Issues that tie on the sort field come in a new order with each request,
//
// unless the last sort key is the issue key.
//   - In JQL the names id, key, issue and issuekey are one field. A comparison
//
// such as `id >= 10042` first looks that issue up and then means "the same project, key number at
// least that of this issue". An id that no issue has is an error on Data Center ("A value with ID
// '…' does not exist for the field 'id'.") and matches nothing on Cloud. ORDER BY id sorts by key.
//   - JQL dates as strings are read to the minute in the account's time zone;
//
// epoch milliseconds have no zone.
//   - Cloud truncates the embedded comments (oldest missing), both truncate the embedded
//
// worklogs at 20, and Cloud truncates an expanded changelog at 100.
//   - A deleted issue just stops matching, and so do its sub-tasks. A moved one
//
// keeps its id and is found by its old key.
//   - Changes of comments, worklogs, attachments and links set updated. Votes, watches and
//
// properties do not, nor does what an issue shows of other objects: the status of its parent, the
// name of a version, a user or a sprint.
//   - The feeds of worklogs end one minute before now. Details by id, like the bulk reads
//
// of Cloud, silently leave out what is not visible.
//   - Attachments of Cloud are on another host, which records the headers that it receives.
//   - A board without sprints answers 400, in a language of its own.
//
// A Server is made by New and filled by Generate or LoadIssues. It may be changed by Create, Edit,
// Comment and so on while it serves, or by Mutate at random. Its Truth has everything that exists,
// stream by stream, without going through the routes.
package jiratest
