// Package jira is the source for Jira: Data Center and Server over REST v2, Cloud over REST v3. It
// emits issues with their parts and, through the package internal/lists, the lists of a site, from
// fields to the audit log. STREAMS.md lists all streams. The rest of this text is about issues.
//
// Each stream is a row of the catalogue and is read by splits of one kind (kinds.go). The streams
// that are made of issues share the walks: one search serves them all and requests what the
// selected ones need. Only what no search returns is requested issue by issue.
//
// A plugin makes no connection of its own. Credentials, limits, retries and decompression belong to
// the host. This package knows which requests to make and what the replies mean.
//
// # Equal output on re-read
//
// A record is a function of Jira's replies. It contains nothing of this machine's clock or of the
// walk, so reading a split again gives the same records if the replies are the same. "raw" is the
// issue as received, byte for byte, with two exceptions: lists that Jira cut are completed, and
// control characters within strings are escaped if they are not. Some sites put values into it that
// differ at every fetch (a Java object printed with its hash in a custom field). They stay, because
// raw means raw. Such records are equal except for those values, and no decision on what is new
// depends on them. The normalised members leave the hashes out.
//
// "fetched_at" of an issue is the server's time of its reply, from the header Date. The rest of the
// record was true at that second or, for completed lists, later. It is the time of the reply, not
// of the run: a run may continue days after its plan. When a split is read again after a crash,
// only this time differs, as it must. No decision on what is new depends on it. "updated", with the
// id, names the version of an issue; "url", "api" and "flavour" say where it comes from.
//
// # A walk that loses nothing
//
// A search is a window on a list that changes while it is read, and Jira has no snapshot. These
// ways of paging were considered:
//
//   - Pages by startAt over "ORDER BY updated". An edit moves an issue to the end, all others
//     shift,
//
// and one is never seen. Over a fixed order, a deletion does the same. Data Center on OpenSearch
// also answers 500 beyond 10,000 results, and Cloud has no startAt at all.
//   - Page tokens (Cloud). They expire and repeat, and their behaviour while data changes is not
//     documented.
//   - Ranges of key or id ("key > KAFKA-100", "id > 1000"). Both compare the number within the
//     project
//
// of the named issue, which must exist and be visible. A deleted issue gives 400 on Data Center and
// silently no result on Cloud; a moved one gives another error. Any issue can be deleted at any
// time, so no key is safe.
//   - Ranges of created. The value never changes, and a bound need not be the value of any issue.
//     This is the one in use.
//
// A full read walks "created >= A ORDER BY created ASC, key ASC" page by page. After each page the
// bound A, the anchor, moves up to the minute of the last issue seen, and the next page is a new
// query. Nothing depends on what was before it, so no edit, insertion or deletion can shift it. The
// issues of the anchor's minute come again and are dropped by id. Only if one minute holds more
// issues than a page does the walk go deeper into the same query, by startAt or page token. There
// the list can move up between two pages and hide an issue. On Data Center each page begins with
// the last issue of the one before, or at least with one that was met; otherwise the walk goes back
// until one does. That is impossible for pages of one issue, and for page tokens: they may name
// places, and what tokens mean while data changes is not documented. After such pages the walk
// moves on, or ends, only with a verification; verify.go says how it works, and why it is sound.
//
// Neither a total, nor isLast, nor a missing token ends a walk: proxies and bugs make all of them
// wrong. A page that moved the anchor is followed by another query, and only a query without
// anything new ends the walk. That costs about one more request for each split. After a full page,
// or one that does not match its total, a deeper page is requested. If the server contradicts its
// end (a larger total, an empty page, no isLast), a verification must show no more than was met, or
// the split fails for now.
//
// On Data Center the totals are also compared with each other: what a query counts must have been
// met, or be counted by the query from the next anchor on. What is counted and never shown, even in
// a verification, is an issue that only the index still has, if there is one or one in a hundred.
// Beyond that the split fails, and continues from where everything was shown: see balance.go.
//
// An issue without an id, or one whose bytes are not JSON, becomes one dead letter, and the walk
// continues after it.
//
// Bounds are whole minutes in epoch milliseconds. JQL reads a date string in the account's time
// zone, and an epoch number without one. The precision of Jira's comparison is not documented
// (second or minute). On whole minutes all of them agree, and half-open ranges [from, to) neither
// lose nor duplicate an issue.
//
// # Incremental runs
//
// A plan records the server's time, never the local one: the watermark. Reading starts after it, so
// every edit from then on has a later "updated". The next run requests updated >= watermark -
// overlap, where the overlap allows for an index that lags and for skewed clocks, and drops the
// versions (id, updated) that earlier splits saw there. These are kept in the final cursors. There
// is no upper bound: it would hide an issue that is edited more often than the job runs.
//
// That walk is ordered by updated, which does change: an edited issue moves to the end and is met
// again there. Jira renders an issue from its database but orders by its index, so an issue edited
// just now may stand early in the list with a late "updated". Moving the anchor to that would skip
// all issues between. Therefore only times older than watermark - overlap move the anchor. What the
// index has there is owed to this run. If the walk cannot end with one page, it first reads that
// part separately, bounded by watermark - overlap and with verification. Then it reads the rest in
// one pass without verification: the next run requests it again.
//
// If "updated" has whole seconds, an issue may be edited, read and edited again within one. A
// version read within three seconds of its "updated" is remembered with a checksum, and dropped
// only if its content is the same, hashes of Java objects aside. The header Date alone does not
// reveal those seconds: machines in front of Jira have clocks of their own.
//
// # Parts of issues
//
// The keys of the streams of an issue's parts begin with issue_id. If an update walk meets an issue
// whose list of a stream is known to be whole, Delete{issue_id} precedes its members, so that a
// keyed sink drops members that were removed. A list that came cut, or that the account may not
// see, deletes nothing. A link appears in both of its issues and has a record for each. Users
// become splits of their own; users.go says why.
//
// # What is missing
//
// A reply 200 that lacks what was requested is an error with the server's words: Jira says 200 to
// many failures. A part that fails again while the server answers other requests is left out and
// reported as missing (see [sdk.Missing]). Such a part is a list of one issue, a file, a board or a
// project. The report names it and the run is incomplete, but everything else is read, in this run
// and the next. An issue that was delivered without a part is requested again by its id, see
// again.go. A list of an issue that ends before its total is missing once. If the next run does not
// get it either, this account presumably may not see the rest, and it is counted. If any reply
// refuses the credentials, the run ends: Jira would continue to answer as it answers an anonymous
// caller. For the same reason nothing counts as read, and no cursor is saved, before a reply has
// named the account, or /myself has: see [rest.Vouch].
//
// # Reading ahead of the delivery
//
// The next page is requested, and the issues of this one are completed four at a time, while
// earlier issues are delivered. At most three chunks of 4 MiB are in memory. One goroutine delivers
// records, cursors and counts in the order of the walk, so none of the above depends on how far the
// walk is ahead.
//
// On Data Center the two pages after the current one are requested before it has arrived: deeper
// pages of the same query, by the length of the page before. Such a page counts only if it begins
// with the issue that the one before it ends with. Then, in an order without ties, no issue that
// existed all the time can stand between the two. Otherwise the page is dropped and the query from
// the anchor takes its place. The anchor moves as usual, so a cursor does not depend on how a page
// was requested. Page tokens cannot be guessed, so on Cloud a walk has one request under way at a
// time.
//
// # What no search can show
//
// A search by "updated" does not show deletions, nor issues that become visible without an edit.
// The census shows both if it is enabled (census.go), and so does a run with --full.
//
// Splits end in any order. If two splits of a run delivered the same issue, the sink may hold the
// older version. The next run delivers it once more, see distrust.go.
package jira
