// Package jira is the source for Jira: Data Center and Server over REST v2, Cloud over REST v3. It
// emits issues and what belongs to them, and, by the package internal/lists, the lists of a site
// from fields to the audit log; STREAMS.md shows them all. What follows is about issues.
//
// Each stream is a row of the catalogue and is brought by splits of one kind (kinds.go). The
// streams that come out of issues share the walks: one search serves them all and asks for what the
// selected ones need; only what no search brings is asked for issue by issue.
//
// A plugin makes no connection of its own. Credentials, limits, retries and decompression are the
// host's; here are only the requests to make and what the replies mean.
//
// # Equal output on re-read
//
// A record is a function of the replies of Jira, with nothing from this machine's clock or the walk
// in it, so reading a split again gives the same records where the replies are the same. "raw" is
// the issue as received, byte for byte, save for lists that Jira cut and that were completed, and
// for control characters within strings, which get the escapes that they lack. Some sites put
// values into it that differ at every fetch (a Java object printed with its hash in a custom
// field); they stay, because raw means raw: such records are equal but for those values, and no
// decision on what is new depends on them. The normalised members leave the hashes out.
//
// "fetched_at" of an issue is the server's time of the reply that it came in, by its header Date:
// what else the record says is what was so at that second or, of lists that were completed, later.
// It is of the reply, not of the run: a run may go on days after its plan. When a split is read
// again after a crash it is the one thing that differs, as it must. No decision on what is new
// depends on it; "updated", with the id, names the version of an issue, and "url", "api" and
// "flavour" say where it comes from.
//
// # A walk that loses nothing
//
// A search is a window on a list that changes while it is read, and Jira has no snapshot. What was
// considered:
//
//   - Pages by startAt over "ORDER BY updated": an edit moves an issue to the end, all others
//     shift, and one is never seen. Over a fixed order a deletion does the same. Data Center on
//     OpenSearch also answers 500 beyond 10,000 results, and Cloud has no startAt at all.
//   - Page tokens (Cloud): they expire, repeat, and their behaviour while data changes is not
//     documented.
//   - Ranges of key or id ("key > KAFKA-100", "id > 1000"): both names compare the number within
//     the project of the named issue, which must exist and be visible: a deleted one gives 400 on
//     Data Center and silently no result on Cloud, a moved one an error of its own. Any issue can
//     be deleted at any time, so no key is safe.
//   - Ranges of created: the value never changes, and a bound need not be the value of any issue.
//     This is it.
//
// A full read walks "created >= A ORDER BY created ASC, key ASC" page by page. After each page the
// bound A, the anchor, moves up to the minute of the last issue seen, and the next page is a new
// query: nothing depends on what was before it, so no edit, insertion or deletion can shift it. The
// issues of the anchor's minute come again and are dropped by id. Only when one minute holds more
// issues than a page does the walk go deeper into the same query, by startAt or page token. There
// the list can move up between two pages and hide an issue. On Data Center each page begins with
// the last issue of the one before, or at least with one that was met; else the walk goes back
// until one does. Pages of one issue cannot, nor can those of page tokens, which may name places:
// what tokens mean while data changes is not documented. Behind those the walk moves on, or ends,
// only with a roll call that proves it: rollcall.go says how, and why that is sound.
//
// Neither total, isLast nor a missing token ends a walk: proxies and bugs make all of them lie. A
// page that moved the anchor is followed by another query, and only one that has nothing new in it
// ends the walk, for about one request more a split. Behind a full page, or one that its total does
// not fit, a deeper one is asked for. Where the server does not stand by its end (a total that says
// more, an empty page, no isLast), a roll call must show no more than was met, or the split fails
// for now.
//
// On Data Center the totals are held against each other, too: what a query counts must have been
// met, or be counted by the query from the next anchor on. What is counted and never shown, even in
// a roll call, is an issue that only the index still has, if there is one or one in a hundred;
// beyond that the split fails, and goes on from where all was shown: see balance.go.
//
// An issue without id, or one whose bytes are no JSON, becomes a dead letter, once, and the walk
// goes on behind it.
//
// Bounds are whole minutes in epoch milliseconds. JQL reads a date string in the account's time
// zone, an epoch number in none. Jira compares at a precision that is not documented (second,
// minute); on whole minutes all of them agree, and half-open ranges [from, to) neither lose nor
// double an issue.
//
// # Incremental runs
//
// A plan notes the server's time, never the local one: the watermark. Reading starts after it, so
// every edit from then on carries a later "updated". The next run asks for updated >= watermark -
// overlap, where the overlap allows for an index that lags and for skewed clocks, and drops the
// versions (id, updated) that earlier splits saw there; these are kept in the final cursors. There
// is no upper bound: it would hide an issue that is edited more often than the job runs.
//
// That walk is ordered by updated, which does change: an edited issue moves to the end and is met
// again there. Jira renders an issue from its database but orders by its index, so an issue edited
// just now may stand early in the list with a late "updated"; moving the anchor to that would jump
// over all between. Therefore only times older than watermark - overlap move the anchor. What the
// index has there is owed to this run. Where the walk cannot end with one page, it reads that by
// itself first, bounded by watermark - overlap and with proof, and then the rest in one pass, as
// well as it comes: the next run asks for it again.
//
// Where "updated" has whole seconds, an issue may be edited, read and edited again within one. A
// version read within three seconds of its "updated" is remembered with a checksum and dropped only
// if its content is the same, hashes of Java objects aside. The header Date does not tell those
// seconds alone: machines before Jira have clocks of their own.
//
// # Parts of issues
//
// The keys of the streams of an issue's parts begin with issue_id. Where an issue is met in an
// update walk, and its list of a stream is known to be whole, Delete{issue_id} goes before its
// members: what it lost since is gone from a keyed sink. A list that came cut, or that the account
// may not see, deletes nothing. A link stands in both of its issues and has a record of each. Users
// become splits of their own; users.go says why.
//
// # What is missing
//
// A reply 200 that lacks what was asked for is an error with the server's words: Jira says 200 to
// much that went wrong. A part that fails again while the server answers other requests, be it a
// list of one issue, a file, a board or a project, is left out, and said to be missing (see
// [sdk.Missing]); the report names it and the run is incomplete, yet all else is read, in this run
// and the next. An issue that was delivered so is asked for again by its id, see again.go. A list
// of an issue that ends before its total is missing once; what is still not shown in the next run
// is what this account may not see, for all that is known, and is counted. Credentials that are
// refused by any reply end the run: Jira would go on answering as it answers anybody. For the same
// reason nothing counts as read, and no cursor goes out, before a reply has named the account, or
// /myself has: see [rest.Vouch].
//
// # Ahead of the delivery
//
// A walk runs ahead: the next page is asked for, and the issues of this one are completed four at a
// time, while what is before them is delivered. Three chunks of 4 MiB are in memory at most.
// Records, cursors and counts are delivered by one goroutine in the order of the walk, so none of
// the above depends on how far it is ahead.
//
// On Data Center the two pages behind one are asked for before it has come: deeper pages of the
// same query, by the length of the page before. Such a page counts only if it begins with the issue
// that the one before it ends with; between the two, in an order without ties, nothing can then
// stand that was there all the time. Else it is thrown away and the query from the anchor takes its
// place. The anchor moves as ever, so a cursor does not tell how a page was asked for. Page tokens
// cannot be guessed: on Cloud one request of a walk is under way at a time.
//
// # What no search can show
//
// What no search for updates shows: deletions, and issues that become visible without an edit. The
// census does, see census.go, where it is asked for; or a run with --full.
//
// Splits end in any order. Where two of a run delivered the same issue, the sink may hold the older
// version; the next run delivers it once more, see distrust.go.
package jira
