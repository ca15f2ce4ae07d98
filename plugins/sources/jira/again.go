// Again: retries issues of which a part could not be read: a file behind a login page, or a list
// with a 500 each time. One bad part must not block the others, and must not be forgotten: no
// update returns such an issue, so the next run requests it by id, and delivers it again when more
// of it is available.

package jira

import (
	"context"
	"errors"
	"slices"

	"github.com/scrapekit/scrapekit/sdk"
)

// againSplits plans to request again what the walks of earlier runs could not read. The cursor of
// the last such split has what it still lacked, and covers all walks of runs before it.
func againSplits(base part, walks []walkDone, counted map[string]censusDone) []sdk.Split {
	settled := 0
	var lacking lackSet
	for _, d := range walks {
		if len(d.part.Lacking) > 0 {
			settled, lacking = d.Run, slices.Clone(d.lacking)
		}
	}
	more := func(run int, of lackSet) {
		for _, id := range of.ids() {
			if run >= settled {
				lacking.put(id, max(lacking.of(id), of.of(id)))
			}
		}
	}
	for _, d := range walks {
		if len(d.part.Lacking) == 0 {
			more(d.Run, d.lacking)
		}
	}
	for _, d := range counted {
		more(d.run, d.lacking)
	}
	if len(lacking) == 0 {
		return nil
	}
	base.Lacking = lacking
	return []sdk.Split{newSplit("issues/again", issuesStream, base, 0)}
}

// readAgain requests the issues of an again part in chunks.
func (r *walkReader) readAgain(ctx context.Context, from cursor) error {
	ids := r.part.Lacking.ids()
	if from.Next > len(ids) {
		return sdk.Permanent(errors.New("the cursor is behind the end of its split: start over with --full"))
	}
	for some := range slices.Chunk(ids[from.Next:], bulk) {
		if err := r.again(ctx, some); err != nil {
			return err
		}
		from.Next += len(some)
		if from.Next == len(ids) {
			break
		}
		if err := r.save(cursor{Next: from.Next}); err != nil {
			return err
		}
	}
	return r.end(ctx, cursor{Next: len(ids), Done: true})
}

// again delivers those issues of which more is available than before.
func (r *walkReader) again(ctx context.Context, ids []uint64) error {
	c, doubtful, err := r.fetch(ctx, ids)
	if err != nil {
		return err
	}
	for _, id := range doubtful {
		r.lacking.put(id, r.part.Lacking.of(id))
	}
	if err := r.completeChunk(ctx, c); err != nil {
		return err
	}
	c.items = slices.DeleteFunc(c.items, func(it *item) bool {
		id, ok := parseID(it.issue.id)
		same := ok && it.lacks >= r.part.Lacking.of(id)
		if same {
			r.lacking.put(id, it.lacks)
		}
		return same
	})
	return r.deliverChunk(c)
}
