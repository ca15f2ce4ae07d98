// MemorySource: a source with known records.

package sdktest

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"

	"github.com/scrapekit/scrapekit/sdk"
)

// MemorySource is a source of generated records, the same for the same fields. Splits are named s0,
// s1, …; record n is the n-th record of its split over all runs. Raising Records between two runs
// adds records for an incremental run to find. The fields are read while the source runs: change
// them only between runs.
type MemorySource struct {
	Stream  string // "": records
	Splits  int
	Records int // records of each split
	Every   int // records between two cursors; 0: no cursor but the end
	Seed    uint64
	// Before is called before record n of a split is emitted, and once with n = Records before the
	// end. Its error ends the Read. It may wait for ctx, or panic. May be nil.
	Before func(ctx context.Context, split string, n int) error
}

// MemoryRecord is a record of a [MemorySource].
type MemoryRecord struct {
	ID    string `json:"id"`
	Split string `json:"split"`
	N     int    `json:"n"`
	Value uint64 `json:"value"`
	Text  string `json:"text"`
}

// Plugin returns the source as a plugin without settings.
func (m *MemorySource) Plugin() sdk.Plugin {
	return sdk.SourcePlugin(sdk.Info{Name: "memory", Version: "1", Doc: "Records from memory."},
		func(context.Context, struct{}) (sdk.Source, error) { return m, nil })
}

func (m *MemorySource) stream() string {
	if m.Stream == "" {
		return "records"
	}
	return m.Stream
}

// Streams implements [sdk.Source].
func (m *MemorySource) Streams(context.Context) ([]sdk.Stream, error) {
	return []sdk.Stream{{Name: m.stream(), Doc: "Made-up records.", PrimaryKey: []string{"id"}, Cursor: "n"}}, nil
}

// Plan implements [sdk.Source]: every split continues where the previous run ended.
func (m *MemorySource) Plan(_ context.Context, p sdk.Plan) ([]sdk.Split, error) {
	before := map[string][]byte{} // cursors
	for _, q := range p.Previous {
		before[q.ID] = q.Cursor
	}
	var out []sdk.Split
	for i := range m.Splits {
		s := sdk.Split{ID: fmt.Sprintf("s%d", i), Stream: m.stream(), Estimate: int64(m.Records)}
		if cursor, ok := before[s.ID]; ok {
			done, err := position(cursor)
			if err != nil {
				return nil, err
			}
			s.Data = json.RawMessage(strconv.Itoa(done))
			s.Estimate -= int64(done)
		}
		out = append(out, s)
	}
	return out, nil
}

// Read implements [sdk.Source].
func (m *MemorySource) Read(ctx context.Context, s sdk.Split, w *sdk.Writer) error {
	from := s.Cursor
	if from == nil {
		from = s.Data // the cursor at which an earlier run ended
	}
	n, err := position(from)
	if err != nil {
		return err
	}
	for ; n < m.Records; n++ {
		if err := m.before(ctx, s.ID, n); err != nil {
			return err
		}
		if err := w.Emit(m.stream(), m.Record(s.ID, n)); err != nil {
			return err
		}
		if m.Every > 0 && (n+1)%m.Every == 0 {
			if err := w.Cursor(n + 1); err != nil {
				return err
			}
		}
	}
	if err := m.before(ctx, s.ID, m.Records); err != nil {
		return err
	}
	return w.Cursor(m.Records)
}

func (m *MemorySource) before(ctx context.Context, split string, n int) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if m.Before == nil {
		return nil
	}
	return m.Before(ctx, split, n)
}

// position reads a cursor: the number of records before it.
func position(cursor []byte) (int, error) {
	if cursor == nil {
		return 0, nil
	}
	n, err := strconv.Atoi(string(cursor))
	if err != nil || n < 0 {
		return 0, sdk.Permanent(fmt.Errorf("cursor %q: it is not a cursor of this source", cursor))
	}
	return n, nil
}

// Record returns record n of a split.
func (m *MemorySource) Record(split string, n int) MemoryRecord {
	random := rand.New(rand.NewPCG(m.Seed, uint64(n)))
	return MemoryRecord{
		ID: split + "-" + strconv.Itoa(n), Split: split, N: n,
		Value: random.Uint64(), Text: fmt.Sprintf("récord %d\n\"%x\"", n, random.Uint64()),
	}
}

// All returns all records as JSON, sorted: the content of a sink after a complete run.
func (m *MemorySource) All() []string {
	var out []string
	for i := range m.Splits {
		for n := range m.Records {
			raw, err := json.Marshal(m.Record(fmt.Sprintf("s%d", i), n))
			if err != nil {
				panic(err) // strings and numbers always marshal
			}
			out = append(out, string(raw))
		}
	}
	slices.Sort(out)
	return out
}
