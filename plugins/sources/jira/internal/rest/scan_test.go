// Scanning finds what a decoder finds, in whatever is JSON, and never more than there is.

package rest

import (
	"bytes"
	"encoding/json"
	"slices"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
)

func FuzzScan(f *testing.F) {
	for _, seed := range []string{
		`{"a":1,"b":[1,{"c":"x\"}"},"]"],"c\\":"\\\\","d\"":{"e":{}},"":-1.5e+7}`,
		` [ 1 , "a" , [ ] , { } , null , true ] `, "{}", "[]", "{ }", "[ ]", `"{}"`, "null",
		`{"a":1,}`, `{"a"1}`, `{,}`, `[1,]`, `[1 2]`, `{"a":"`, `{"a\`, `{"a":[}`, `["\\"]`, `{"\u0061":"\u00e9"}`,
		"{\"a\"\n:\t1\r,\"b\":[2] }",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		var names, values, elements []string
		object := EachMember(raw, 0, func(name []byte, start, end int) {
			names, values = append(names, string(name)), append(values, string(raw[start:end]))
		})
		array := EachElement(raw, 0, func(start, end int) { elements = append(elements, string(raw[start:end])) })
		if end := Skip(raw, space(raw, 0)); end > len(raw) {
			t.Fatalf("%q ends at %d", raw, end)
		}
		if !json.Valid(raw) || !jsontext.Value(raw).IsValid(jsontext.AllowDuplicateNames(true)) {
			return // it has not panicked, which is all that is asked for
		}
		kind := bytes.TrimLeft(raw, " \t\r\n")[0]
		if object != (kind == '{') || array != (kind == '[') {
			t.Fatalf("%q: object %t, array %t", raw, object, array)
		}
		wantNames, wantValues := decoded(t, raw)
		if array {
			values = elements
		}
		if (object || array) && !slices.Equal(values, wantValues) || object && !slices.Equal(names, wantNames) {
			t.Errorf("%q: %q %q, want %q %q", raw, names, values, wantNames, wantValues)
		}
	})
}

// decoded takes an object or array apart with a decoder.
func decoded(t *testing.T, raw []byte) (names, values []string) {
	t.Helper()
	d := NewDecoder(bytes.NewReader(raw))
	read := func() error {
		v, err := d.ReadValue()
		values = append(values, string(v))
		return err
	}
	err := Array(d, read)
	if raw[space(raw, 0)] == '{' {
		names, values = nil, nil
		d = NewDecoder(bytes.NewReader(raw))
		err = Object(d, func(name string) error {
			names = append(names, name)
			return read()
		})
	}
	if err != nil {
		t.Fatal(err)
	}
	return names, values
}
