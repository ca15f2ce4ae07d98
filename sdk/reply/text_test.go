// JSON as servers write it, and replies that are not what was asked for.

package reply_test

import (
	"encoding/json"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf16"

	"github.com/scrapekit/scrapekit/sdk"
	"github.com/scrapekit/scrapekit/sdk/reply"
)

// sixteen writes UTF-16.
func sixteen(text string, little bool) string {
	var out []byte
	for _, u := range utf16.Encode([]rune(text)) {
		if little {
			out = append(out, byte(u), byte(u>>8))
		} else {
			out = append(out, byte(u>>8), byte(u))
		}
	}
	return string(out)
}

func TestText(t *testing.T) {
	t.Parallel()
	const text = `{"name":"Žluťoučký 𝄞"}`
	for name, body := range map[string]string{
		"plain": text, "a mark": "\ufeff" + text, "two marks": "\ufeff\ufeff" + text,
		"little-endian with mark": sixteen("\ufeff"+text, true), "big-endian with mark": sixteen("\ufeff"+text, false),
		"little-endian": sixteen(text, true), "big-endian": sixteen(text, false),
		"angular": ")]}',\n" + text, "gerrit": ")]}'\n" + text, "loop": "while(1);" + text,
		"other loop": "for (;;);" + text, "and": "{}&&" + text,
		"a mark and a prefix": "\ufeff)]}'\n" + text,
	} {
		raw, err := io.ReadAll(iotest.OneByteReader(reply.Text(iotest.HalfReader(strings.NewReader(body)))))
		if err != nil || strings.TrimSpace(string(raw)) != text {
			t.Errorf("%s: %q, %v", name, raw, err)
		}
		var got struct {
			Name string `json:"name" required:"true"`
		}
		if err := reply.Decode([]byte(body), &got); err != nil || got.Name != "Žluťoučký 𝄞" {
			t.Errorf("%s: decoded %q, %v", name, got.Name, err)
		}
	}
	for _, same := range []string{"", "7", "{}", "[]", `""`, "{", `{"a":1}`} {
		if raw, err := io.ReadAll(reply.Text(strings.NewReader(same))); err != nil || string(raw) != same {
			t.Errorf("%q became %q, %v", same, raw, err)
		}
	}
	if raw, _ := io.ReadAll(reply.Text(strings.NewReader(sixteen(`["`, true) + "\x34\xd8" + sixteen(`"]`,
		true)))); string(raw) != `["�"]` {
		t.Errorf("half a pair: %q", raw)
	}
	if _, err := io.ReadAll(reply.Text(strings.NewReader(sixteen("[]", true) + "x"))); err == nil {
		t.Error("half a unit at the end is no error")
	}
}

// TestRequired: what is not there is told from what is empty.
func TestRequired(t *testing.T) {
	t.Parallel()
	type page struct {
		Total int               `json:"total"`
		Items []json.RawMessage `json:"items" required:"true"`
	}
	type nested struct {
		Data *struct {
			Page page `json:"page" required:"true"`
		} `json:"data" required:"true"`
	}
	type rows []struct {
		ID *int `json:"id" required:"true"`
	}
	for _, c := range []struct {
		body string
		into any
		says string // "": it is what was asked for
	}{
		{`{"items":[]}`, &page{}, ""},
		{`{"Items":[1]}`, &page{}, ""},
		{`{"error":"down for repair"}`, &page{}, `it has no "items": {"error":"down for repair"}`},
		{`{}`, &page{}, `it has no "items"`},
		{`{"items":null}`, &page{}, `"items" is null`},
		{`null`, &page{}, "it is null"},
		{`null`, &[]int{}, "it is null"},
		{`null`, &map[string]int{}, "it is null"},
		{`null`, new(any), ""},
		{`null`, &json.RawMessage{}, ""},
		{`{}`, &map[string]int{}, ""},
		{`[]`, &page{}, "not the JSON that was expected"},
		{`<html><title>Log in</title>`, &page{}, "a page, as of a login"},
		{`{"data":{"page":{"items":[]}}}`, &nested{}, ""},
		{`{"data":null}`, &nested{}, `"data" is null`},
		{`{"data":{"page":{}}}`, &nested{}, `it has no "data.page.items"`},
		{`[{"id":1},{"id":0}]`, &rows{}, ""},
		{`[{"id":1},{}]`, &rows{}, `it has no "[1].id"`},
	} {
		err := reply.Decode([]byte(c.body), c.into)
		if c.says == "" && err != nil || c.says != "" &&
			(err == nil || !strings.Contains(err.Error(), c.says) || sdk.IsPermanent(err)) {
			t.Errorf("%s into %T: %v, want %q", c.body, c.into, err, c.says)
		}
	}
}
