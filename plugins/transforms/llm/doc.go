// Package llm is the transform that makes training records of issues: normalised issues
// ([normal.Issue]) go in, and the streams pretrain (one document an issue) and messages or instruct
// (one record a task) come out. Normalised documents ([normal.Document]) go in too, and give a
// document each.
//
// Everything in a record is taken from the issue itself. An issue that cannot give a record gives
// none, and the run's report counts why. The rules, and where they live:
//
//   - read.go: what is taken from a record; the only file that knows its form.
//   - history.go: values as they were at creation, and the transition that fixed the issue.
//   - bots.go, people.go, names.go: whose text is dropped, and how people become pseudonyms.
//   - render.go: the texts as Markdown.
//   - pretrain.go, summarize.go, classify.go, answer.go: one task each.
//   - repeat.go: whether a text gives a title away.
//   - split.go: train, validation or test, by issue, so that no issue is in two of them.
//
// # Identity
//
// The id of a record is the id (its key, where the record has none), the task, and for
// classification the target: 13626725/classification/type. It stays when the issue moves. The
// primary key is issue_id and id: when an issue is deleted, one deletion by issue_id takes all that
// it has given, under earlier settings too. An issue that gave a record in an earlier run and gives
// it no more keeps the old one: a transform does not know what it gave before.
//
// # Pseudonyms
//
// The reporter is user_1, the others follow in the order of their appearance, mentions last; with a
// salt the pseudonym is a keyed hash, the same in all issues. Rewritten at word boundaries are
// mentions, account names and whole display names in any case, and first names of participants as
// they are written or in capitals, where they are no ordinary words. A surname alone, or the name
// of somebody who is in no way attached to the issue, is not found. E-mail addresses become
// <email>.
package llm
