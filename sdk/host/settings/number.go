// Numbers of settings arrive exactly as written, or are an error. JSON that is decoded into any has
// them as float64, which rounds whole numbers beyond 2^53, so a 64-bit id would become another id.

package settings

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"

	"github.com/google/jsonschema-go/jsonschema"

	"github.com/scrapekit/scrapekit/sdk/host/keyword"
)

// annotateWidth adds the format for 64-bit whole numbers. Smaller types have bounds already.
func annotateWidth(p *jsonschema.Schema, t reflect.Type) {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if p.Type != "integer" || p.Format != "" {
		return
	}
	switch t.Kind() {
	case reflect.Int, reflect.Int64:
		p.Format = keyword.Int64
	case reflect.Uint, reflect.Uint64, reflect.Uintptr:
		p.Format = keyword.Uint64
	}
}

// decodeExact decodes JSON into maps, lists and so on, with its numbers as json.Number.
func decodeExact(raw []byte) (any, error) {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		return nil, err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("there is more after the JSON value")
	}
	return v, nil
}

// checkNumbers walks settings and their schema. It refuses numbers that would not arrive as
// written, and writes whole numbers without a point or an exponent, so that Go decodes them as
// integers. It returns the settings with float64 in place of numbers, as a validator needs them.
func checkNumbers(s *jsonschema.Schema, v any, path string) (any, error) {
	switch v := v.(type) {
	case []any:
		out := make([]any, len(v))
		for i, e := range v {
			one, number, err := checkElement(itemsOf(s), e, fmt.Sprintf("%s[%d]", path, i))
			if err != nil {
				return nil, err
			}
			out[i], v[i] = one, number
		}
		return out, nil
	case map[string]any:
		out := make(map[string]any, len(v))
		for name, e := range v {
			var p *jsonschema.Schema
			if s != nil {
				p = propertyOf(s, name)
			}
			one, number, err := checkElement(p, e, strings.TrimPrefix(path+"."+name, "."))
			if err != nil {
				return nil, err
			}
			out[name], v[name] = one, number
		}
		return out, nil
	}
	return v, nil
}

// checkElement returns an element as a validator needs it, and as it will be decoded.
func checkElement(s *jsonschema.Schema, v any, path string) (rounded, exact any, err error) {
	n, ok := v.(json.Number)
	if !ok {
		rounded, err = checkNumbers(s, v, path)
		return rounded, v, err
	}
	n = keyword.PlainNumber(n)
	f, err := n.Float64()
	if err != nil {
		return nil, nil, fmt.Errorf("%s: the number %s is out of range", path, n)
	}
	whole := s != nil && s.Type == "integer"
	switch {
	case whole && !keyword.Fits(n, s.Format):
		return nil, nil, fmt.Errorf("%s: %s is too large for a whole number of 64 bits", path, n)
	case !whole && !keyword.FitsFloat(n):
		return nil, nil, fmt.Errorf("%s: %s would be rounded here: write it in quotes", path, n)
	}
	return f, n, nil
}

func itemsOf(s *jsonschema.Schema) *jsonschema.Schema {
	if s == nil {
		return nil
	}
	return s.Items
}
