package settings_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/scrapekit/scrapekit/sdk/host/settings"
)

type numbered struct {
	Int    int            `json:"int" default:"1152921504606846977"`
	Wide   uint64         `json:"wide,omitempty"`
	Ids    []int64        `json:"ids,omitempty"`
	ByName map[string]int `json:"by_name,omitempty"`
	Inner  *inner         `json:"inner,omitempty"`
	Share  float64        `json:"share,omitempty"`
	Any    map[string]any `json:"any,omitempty"`
}

type inner struct {
	ID    int64 `json:"id"`
	Other int64 `json:"other" default:"9007199254740993"`
}

func TestDecodeConfigKeepsNumbers(t *testing.T) {
	t.Parallel()
	const wide = 1152921504606846977
	for raw, want := range map[string]numbered{
		`{}`:                                      {Int: wide},
		`{"int": 9223372036854775807}`:            {Int: 9223372036854775807},
		`{"int": -9223372036854775808}`:           {Int: -9223372036854775808},
		`{"int": 3.0}`:                            {Int: 3},
		`{"int": 1.5e3}`:                          {Int: 1500},
		`{"wide": 18446744073709551615}`:          {Int: wide, Wide: 18446744073709551615},
		`{"ids": [1152921504606846977, 2.0]}`:     {Int: wide, Ids: []int64{wide, 2}},
		`{"by_name": {"a": 1152921504606846977}}`: {Int: wide, ByName: map[string]int{"a": wide}},
		`{"inner": {"id": 1152921504606846977}}`:  {Int: wide, Inner: &inner{ID: wide, Other: 9007199254740993}},
		`{"share": 0.1}`:                          {Int: wide, Share: 0.1},
		`{"share": 2.0}`:                          {Int: wide, Share: 2},
		`{"share": 1e300}`:                        {Int: wide, Share: 1e300},
		`{"any": {"n": 9007199254740992}}`:        {Int: wide, Any: map[string]any{"n": 9007199254740992.0}},
	} {
		var got numbered
		if err := settings.Decode([]byte(raw), &got); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, %v; want %+v", raw, got, err, want)
		}
	}
	for raw, says := range map[string]string{
		`{"int": 9223372036854775808}`:            "settings: int: 9223372036854775808 is too large for a whole number of 64 bits",
		`{"int": 1e30}`:                           "int: 1000000000000000000000000000000 is too large",
		`{"wide": 18446744073709551616}`:          "wide: 18446744073709551616 is too large",
		`{"ids": [1, 9223372036854775808]}`:       "ids[1]: 9223372036854775808 is too large",
		`{"inner": {"id": 99999999999999999999}}`: "inner.id: 99999999999999999999 is too large",
		`{"int": 3.5}`:                            `want "integer"`,
		`{"share": 9007199254740993}`:             "share: 9007199254740993 would be rounded here",
		`{"any": {"n": [9007199254740993]}}`:      "any.n[0]: 9007199254740993 would be rounded here",
		`{"share": 1e999999999}`:                  "out of range",
		`{"int": 1} {"int": 2}`:                   "there is more after the JSON value",
		`[]`:                                      "no JSON object",
	} {
		if err := settings.Decode([]byte(raw), &numbered{}); err == nil || !strings.Contains(err.Error(), says) ||
			strings.Contains(err.Error(), "Go struct") {
			t.Errorf("%s: %v, want %q", raw, err, says)
		}
	}
}
