// gained: what work on a seat has brought the run that stays, however it ends.

package pipeline

import "github.com/scrapekit/scrapekit/core/internal/checkpoint"

// gained is what the commits of one holder kept: splits that ended, and where those that are open
// have come to. A commit alone is no gain: a source may emit the cursor that it was given, and a
// sink fail after it, for ever.
type gained struct {
	ended  bool
	places map[string]uint64 // by the id of an open split, the hash of its cursor
}

// commit notes what a commit has kept.
func (g *gained) commit(splits []checkpoint.Progress) {
	for _, s := range splits {
		if s.Status != checkpoint.Open {
			g.ended = true
			delete(g.places, s.ID)
			continue
		}
		if g.places == nil {
			g.places = map[string]uint64{}
		}
		g.places[s.ID] = hashOf(append([]byte(s.ID+"\x00"), s.Cursor...))
	}
}

// since reports whether there is a gain over the attempts that were noted in been before, and notes
// this one.
func (g *gained) since(been map[uint64]bool) bool {
	gain := g.ended
	for _, place := range g.places {
		gain = gain || !been[place]
		been[place] = true
	}
	return gain
}
