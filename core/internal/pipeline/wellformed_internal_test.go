package pipeline

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/scrapekit/scrapekit/sdk"
)

var samples = []string{
	`{}`, `[]`, `""`, `0`, `-0`, `1.5e+10`, `true`, `false`, `null`,
	` { "a" : [ 1 , 2.0 , { } , [ ] ] , "b" : "x\u00e9\\\"\n" } `,
	`{"a":{"b":{"c":[[[]]]}}}`, "{\"long\":\"" + strings.Repeat("abcdefg ", 20) + "é\"}", `{"a":1}`, "\t1\r",
	``, ` `, `not json at all`, `{`, `}`, `[`, `]`, `{"a"}`, `{"a":}`, `{"a":1,}`, `{,}`, `[1,]`, `[,1]`, `{"a":1]`,
	`[1}`, `"`, `"\x"`, `"\u12g4"`,
	`"\u12`, `01`, `1.`, `.5`, `-`, `+1`, `1e`, `1e+`, `0x1`, `tru`, `nul`, `truefalse`, `1 2`, `{} {}`, `{"a":1}}`,
	`{a:1}`, `{'a':1}`, "\"a\tb\"",
	"\"1234567\x1f\"", `NaN`, `[1 2]`, `{"a" 1}`, `{"a":1 "b":2}`, "\"\xff\"", `{1:2}`, `[]]`, `"abc\`,
	`{"_op":"delete","id":1}`, `{"id":1,"\u005f\u006F\u0070":null}`, `{"_op" :{}}`, `{"a":{"_op":1}}`, `[{"_op":1}]`,
	`{"a":"_op"}`, `{"_opa":1,"_o":2,"\u005fopp":3}`,
	strings.Repeat("[", 9_999) + strings.Repeat("]", 9_999), strings.Repeat("[", 10_001) + strings.Repeat("]", 10_001),
}

// The scan takes what encoding/json takes and has no field "_op" at its top, and nothing else.
func TestScan(t *testing.T) {
	t.Parallel()
	for _, line := range samples {
		checkScan(t, []byte(line))
	}
}

// The sum of keys goes by the values of the key, wherever they stand, and by nothing else.
func TestKeySum(t *testing.T) {
	t.Parallel()
	sum := func(lines ...string) (uint64, bool) {
		var k keySum
		k.begin([]string{`"id"`, `"part"`})
		wellFormed(sdk.Batch{Count: len(lines), Payload: []byte(strings.Join(lines, "\n") + "\n")}, &k)
		return k.sum, k.known
	}
	want, known := sum(`{"id":1,"part":{"a":[1,"id"]},"at":1}`, `{"id":2,"part":"x"}`)
	if !known {
		t.Fatal("the keys are not known")
	}
	if got, known := sum(`{ "at":{"id":7,"part":8} , "part" : {"a":[1,"id"]} , "id": 1 }`,
		`{"part":"x","id":2,"more":[{"id":3}]}`); got != want || !known {
		t.Errorf("the same keys are %x and %x (%v)", got, want, known)
	}
	for _, lines := range [][]string{
		{`{"id":2,"part":"x"}`, `{"id":1,"part":{"a":[1,"id"]}}`}, // in another order
		{`{"id":1,"part":{"a":[1,"id"]}}`, `{"id":"x","part":2}`},
		{`{"id":1,"part":{"a":[1,"id"]}}`},
	} {
		if got, known := sum(lines...); got == want || !known {
			t.Errorf("%s have the same keys (%v)", lines, known)
		}
	}
	for _, line := range []string{`{"id":1}`, `{"id":1,"id":1}`, `[{"id":1,"part":2}]`, `{"a":{"id":1,"part":2}}`,
		`{"\u0069d":1,"part":2}`} {
		if _, known := sum(line); known {
			t.Errorf("%s has a key", line)
		}
	}
}

func FuzzScan(f *testing.F) {
	for _, line := range samples {
		f.Add([]byte(line))
	}
	f.Fuzz(func(t *testing.T, line []byte) { checkScan(t, line) })
}

func checkScan(t *testing.T, line []byte) {
	t.Helper()
	if bytes.IndexByte(line, '\n') >= 0 || len(line) == 0 {
		return // no line of a batch
	}
	why := ""
	var fields map[string]json.RawMessage
	switch isObject := json.Unmarshal(line, &fields) == nil; {
	case !json.Valid(line) || !utf8.Valid(line):
		why = reasonNoJSON
	case isObject && fields["_op"] != nil:
		why = reasonReserved
	}
	if got := problem(sdk.Upsert, line); got != why {
		t.Errorf("%.100q: %q, want %q", line, got, why)
	}
	whyKey := why
	if why == "" && len(fields) == 0 {
		whyKey = reasonKey
	}
	if got := problem(sdk.Delete, line); got != whyKey {
		t.Errorf("as a key %.100q: %q, want %q", line, got, whyKey)
	}
	const good = `{"a":[1,"two"]}`
	payload := []byte(good + "\n" + string(line) + "\n" + good + "\n")
	b, bad := wellFormed(sdk.Batch{Stream: "s", Count: 3, Payload: payload}, nil)
	if (why == "") != (len(bad) == 0) || b.Count+len(bad) != 3 || bytes.Count(b.Payload, []byte{'\n'}) != b.Count {
		t.Errorf("%.100q among others: %d records, %d rejected, want: %q", line, b.Count, len(bad), why)
	}
	if len(bad) == 1 && (!bytes.Equal(bad[0].Record, line) || string(b.Payload) != good+"\n"+good+"\n") {
		t.Errorf("%.100q: rejected %q, kept %q", line, bad[0].Record, b.Payload)
	}
}

func BenchmarkWellFormed(b *testing.B) {
	record := `{"id":123456,"key":"ABC-123","summary":"Something does not work as it ` +
		`should","created":"2024-01-01T00:07:00.000+0000","labels":["a","b"],` +
		`"body":"` + strings.Repeat("It was seen on a machine with many cores. ", 4) +
		`\n","votes":12,"open":true,"parent":null}` + "\n"
	batch := sdk.Batch{Stream: "s", Count: 600, Payload: []byte(strings.Repeat(record, 600))}
	var keys keySum
	b.SetBytes(int64(len(batch.Payload)))
	for b.Loop() {
		keys.begin([]string{`"id"`})
		if _, bad := wellFormed(batch, &keys); len(bad) > 0 || !keys.known {
			b.Fatal(bad)
		}
	}
}

func BenchmarkJSONValid(b *testing.B) {
	record := []byte(`{"id":123456,"key":"ABC-123","body":"` +
		strings.Repeat("It was seen on a machine with many cores. ", 6) + `"}`)
	b.SetBytes(int64(len(record)))
	for b.Loop() {
		if !json.Valid(record) {
			b.Fatal()
		}
	}
}
