// What a simulated run is to bring about: the model says, of a seed, which records there are, what
// becomes of each, and so what every sink must hold and every count must be.

package pipeline_test

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"

	"github.com/scrapekit/scrapekit/core/internal/checkpoint"
	"github.com/scrapekit/scrapekit/sdk"
	"github.com/scrapekit/scrapekit/sdk/sdktest"
)

// chance returns random numbers that depend on the seed and on what they are for, but not on who
// asked for others before. So one goroutine's course does not change that of another.
func chance(seed uint64, parts ...any) *rand.Rand {
	h := fnv.New64a()
	fmt.Fprintln(h, parts...)
	return rand.New(rand.NewPCG(seed, h.Sum64()))
}

// model knows everything that the source has.
type model struct {
	seed     uint64
	roots    int
	records  int // of each root; raised between runs
	children int // of 100 records, how many lead to a further split
	rejects  int // of 100 records, how many a stage refuses
	memory   sdktest.MemorySource
}

func newModel(seed uint64) *model {
	r := chance(seed, "model")
	return &model{
		seed: seed, roots: 1 + r.IntN(4), records: 1 + r.IntN(16), children: r.IntN(15), rejects: r.IntN(12),
		memory: sdktest.MemorySource{Seed: seed},
	}
}

// length returns how many records a split has. The splits below a root never grow.
func (m *model) length(split string) int {
	if !strings.Contains(split, "/") {
		return m.records
	}
	return chance(m.seed, "length", split).IntN(6)
}

// child returns the split that a record leads to; "": none.
func (m *model) child(split string, n int) string {
	if strings.Count(split, "/") > 1 || chance(m.seed, "child", split, n).IntN(100) >= m.children {
		return ""
	}
	return split + "/" + strconv.Itoa(n)
}

// closes reports whether a cursor follows on record n of a split.
func (m *model) closes(split string, n int) bool {
	return chance(m.seed, "cursor", split, n).IntN(4) == 0
}

// refuser returns the stage that refuses a record; "": none does.
func (m *model) refuser(split string, n int) string {
	r := chance(m.seed, "reject", split, n)
	if r.IntN(100) >= m.rejects {
		return ""
	}
	return []string{simSource, simDouble, simLog}[r.IntN(3)]
}

// copies returns how many records the doubling transform makes of one.
func (m *model) copies(split string, n int) int {
	return []int{0, 1, 1, 1, 2}[chance(m.seed, "copies", split, n).IntN(5)]
}

func (m *model) record(split string, n int) []byte {
	raw, err := json.Marshal(m.memory.Record(split, n))
	if err != nil {
		panic(err) // strings and numbers always marshal
	}
	return raw
}

// simRecord is a record on its way: what the source made, and what the transforms have added.
type simRecord struct {
	sdktest.MemoryRecord
	Copy int `json:"copy"`
	Seq  int `json:"seq"`
}

func (r simRecord) key() string { return fmt.Sprintf("%s+%d", r.ID, r.Copy) }

// span is a part of a split that one run has delivered.
type span struct {
	split    string
	from, to int // records; to is not among them
}

// expected is what some spans come to.
type expected struct {
	log     map[string]int // keys in the log, which rejects
	all     map[string]int // keys in the other sinks
	letters map[string]int
	counts  map[string]*pipelineCounts
	seen    int64
}

// pipelineCounts are the counts that a stage must come to.
type pipelineCounts struct{ In, Out, Rejected int64 }

func (m *model) expect(spans []span) expected {
	e := expected{log: map[string]int{}, all: map[string]int{}, letters: map[string]int{},
		counts: map[string]*pipelineCounts{}}
	for _, name := range []string{simSource, simDouble, simNumber, simLog, simKeyed, simLoose} {
		e.counts[name] = &pipelineCounts{}
	}
	for _, s := range spans {
		for n := s.from; n < s.to; n++ {
			m.expectRecord(&e, s.split, n)
		}
	}
	return e
}

func (m *model) expectRecord(e *expected, split string, n int) {
	refuser := m.refuser(split, n)
	e.seen++
	if refuser != "" {
		e.letters[refuser+" "+split+"-"+strconv.Itoa(n)]++
	}
	if !e.passes(simSource, refuser) || !e.passes(simDouble, refuser) {
		return
	}
	copies := m.copies(split, n)
	if refuser == simLog {
		copies = 1
	}
	e.counts[simDouble].Out += int64(copies) - 1
	for c := range copies {
		key := simRecord{MemoryRecord: sdktest.MemoryRecord{ID: split + "-" + strconv.Itoa(n)}, Copy: c}.key()
		e.passes(simNumber, "")
		if e.passes(simLog, refuser) {
			e.log[key]++
		}
		e.passes(simKeyed, "")
		e.passes(simLoose, "")
		e.all[key]++
	}
}

// passes counts a record at a stage, and reports whether it goes on.
func (e *expected) passes(stage, refuser string) bool {
	c := e.counts[stage]
	c.In++
	if refuser == stage {
		c.Rejected++
		return false
	}
	c.Out++
	return true
}

// spans says what some splits of one run have delivered, going by what the store keeps.
func (m *model) spans(splits []checkpoint.Split) []span {
	var out []span
	for _, s := range splits {
		from := position(s.Data)
		to := from
		switch {
		case s.Status == checkpoint.Done:
			to = m.length(s.ID)
		case s.Cursor != nil:
			to = position(s.Cursor)
		}
		out = append(out, span{split: s.ID, from: from, to: to})
	}
	return out
}

// closure returns the spans of the records from to to of each root, and of all that they lead to.
func (m *model) closure(from, to int) []span {
	var out []span
	for i := range m.roots {
		out = append(out, span{"s" + strconv.Itoa(i), from, to})
	}
	for i := 0; i < len(out); i++ { // out grows
		for n := out[i].from; n < out[i].to; n++ {
			if child := m.child(out[i].split, n); child != "" {
				out = append(out, span{child, 0, m.length(child)})
			}
		}
	}
	return out
}

// position reads a cursor, or the data of a split that goes on from an earlier run.
func position(raw []byte) int {
	if raw == nil {
		return 0
	}
	n, err := strconv.Atoi(string(raw))
	if err != nil {
		panic(fmt.Sprintf("%q is no cursor of this source", raw))
	}
	return n
}

// plan goes on where the splits of earlier runs ended.
func (m *model) plan(previous []sdk.Split) []sdk.Split {
	var out []sdk.Split
	for i := range m.roots {
		s := sdk.Split{ID: "s" + strconv.Itoa(i), Stream: simStream, Estimate: int64(m.records)}
		if at := slices.IndexFunc(previous, func(p sdk.Split) bool { return p.ID == s.ID }); at >= 0 {
			s.Data = json.RawMessage(strconv.Itoa(max(position(previous[at].Data), position(previous[at].Cursor))))
		}
		out = append(out, s)
	}
	return out
}
