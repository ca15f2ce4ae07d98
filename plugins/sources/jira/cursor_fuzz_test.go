package jira

import (
	"bytes"
	"encoding/json"
	"slices"
	"testing"
)

// FuzzCursor: what is read of a cursor or a split is written as it was read, and sets of ids are in
// order.
func FuzzCursor(f *testing.F) {
	f.Add([]byte(`{"anchor":1700000000,"seen":[["1",5],["2",6,77]],"recent":[],"met":{"ABC":"AQID"}}`))
	f.Add([]byte(`{"done":true,"met":{"A":"AA"}}`))
	f.Add([]byte(`{"met":{"A":"Bf///////////wE"},"seen":[[]]}`)) // runs over
	f.Add([]byte(`{"met":{"A":"BQA"}}`))                         // one id twice
	f.Add([]byte(`{"kind":"census","scope":"x","streams":["issues"],"projects":["A"],"since":[{}],"known":[["1",2]]}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		if c, err := decodeCursor(raw); err == nil {
			sameAgain(t, c, func(raw []byte) (cursor, error) { return decodeCursor(raw) })
			for project, ids := range c.Met {
				if !slices.IsSorted(ids) || len(slices.Compact(slices.Clone(ids))) != len(ids) {
					t.Errorf("%s: %v is no set", project, ids)
				}
			}
		}
		var p part
		if json.Unmarshal(raw, &p) == nil {
			sameAgain(t, p, func(raw []byte) (p part, err error) { err = json.Unmarshal(raw, &p); return p, err })
		}
		var census censusCursor
		if json.Unmarshal(raw, &census) == nil {
			sameAgain(t, census, func(raw []byte) (c censusCursor, err error) {
				err = json.Unmarshal(raw, &c)
				return c,
					err
			})
		}
	})
}

func sameAgain[V any](t *testing.T, v V, decode func([]byte) (V, error)) {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	again, err := decode(text)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	same, err := json.Marshal(again)
	if err != nil || !bytes.Equal(text, same) {
		t.Errorf("%s became %s (%v)", text, same, err)
	}
}
