// gained: the lasting progress that one holder made.

package pipeline

import "github.com/scrapekit/scrapekit/core/internal/checkpoint"

// gained is the progress in the commits of one holder: splits that ended, and new cursors of open
// splits. A commit by itself is no progress: a source may emit the cursor that it was given, and a
// sink fail after it, without end.
type gained struct {
	ended  bool
	places map[string]uint64 // hash of the cursor, by id of the open split
}

// commit adds the splits of a commit.
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

// since reports whether g makes progress over the attempts whose hashes are in been, and adds its
// own.
func (g *gained) since(been map[uint64]bool) bool {
	gain := g.ended
	for _, place := range g.places {
		gain = gain || !been[place]
		been[place] = true
	}
	return gain
}
