// Package lists reads what a Jira has beside its issues: fields, projects, people, boards, schemes.
// Its heart is a table (rows_*.go), one row a stream; the rest of the package only carries out what
// a row says.
//
// # A snapshot every run
//
// Jira has no "what changed" for these lists, so every run reads each selected one whole. The final
// cursor of a split holds the keys of what was there with a hash of each content, front-coded, some
// ten bytes a record. The next run gets it through its plan, and so emits only what is new or
// different, and a deletion for what is gone. A list of more than about 200,000 records is too long
// for that: it comes whole in every run, without deletions, and says so.
//
// Nothing is deleted where the list may have been hidden rather than emptied: where it, or a part
// of it, was refused, and where one that was long is suddenly empty, as it is for a token that
// died.
//
// # Lists of lists
//
// Many lists are one a project, board, field or screen, and some two levels deep. A split reads
// level by level: it gathers the parents, then reads the list of each, the first pages of some at a
// time. Its cursor holds the parents and the place among them, so a read that was killed asks for
// no parent again.
//
// # Pages
//
// Pages by startAt are a window on a list that moves. A reader advances by what came, not by what
// was asked for; records are told apart by their key; a page in which all is known ends the list,
// or is an error if the server says that there is more (it ignores startAt); and where the total
// changed between pages, or a record came on two of them, the list is read a second time for what
// slipped through.
//
// An empty page, or one that is read already, ends a list only where the server does not say
// otherwise: by a total that says more, by isLast: false or by the address of a next page.
// Otherwise the list is not known to be whole: it is tried again, and if it stays so, what came is
// kept, the list is said to be missing, and it deletes nothing. Of the log that is read on by time,
// the next run asks from where this one did. A total that counts one record in a hundred more than
// come is let pass, without deletions.
//
// # What is refused
//
// A list that this account may not read (401, 403), that the site does not have (404, 410) or that
// this flavour of Jira does not offer is left out with one warning and counted; the run goes on.
// One parent that is refused costs its own list. So does one that fails again while the server
// answers other requests. What is refused or fails, and is not merely not there, is said to be
// missing.
package lists
