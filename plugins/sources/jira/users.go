// Users that the issues name. Each becomes a split of its own. The host's store drops a split whose
// id the run already has, so each user is delivered once in a run, however many walks and machines
// meet it, and whatever is killed. The record is in the split's data, so it costs no request. A set
// in memory would be lost in a crash, and a record for each meeting would be a hundred times as
// many. A user looks the same wherever it is met, except for members that some replies leave out.
// The first version that was stored is kept.

package jira

import (
	"context"

	"github.com/scrapekit/scrapekit/plugins/sources/jira/internal/record"
)

// userKind is the kind of the splits that hold one user each.
const userKind = "user"

func readUser(_ context.Context, r *reader) error {
	if err := r.put(usersStream, r.part.User); err != nil {
		return err
	}
	return r.send(r.lines.Flush())
}

// meetUsers adds the users of an item that are new since the last cursor.
func (r *walkReader) meetUsers(it *item) error {
	places := [][]byte{it.issue.raw}
	places = append(places, it.lists[votesStream]...)
	places = append(places, it.lists[watchersStream]...)
	for _, place := range places {
		err := record.Users(place, func(id string, user []byte) error {
			if r.met[id] {
				return nil
			}
			r.met[id] = true
			p := part{Kind: userKind, Scope: r.part.Scope, Streams: []string{usersStream}, Floor: r.part.Floor,
				Account: r.part.Account}
			p.User = r.maker.User(r.at, user)
			return r.out.Split(newSplit("user/"+id, usersStream, p, 1))
		})
		if err != nil {
			return err
		}
	}
	return nil
}
