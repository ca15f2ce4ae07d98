package sdk_test

import (
	"bytes"
	"encoding/json"
	"testing"
	"unicode/utf8"

	"github.com/scrapekit/scrapekit/sdk"
	"github.com/scrapekit/scrapekit/sdk/host/settings"
)

// FuzzJSONLines: each record is a line or is rejected, and is not changed.
func FuzzJSONLines(f *testing.F) {
	f.Add([]byte("{\"a\":1}\n[]\n"), false)
	f.Add([]byte("{\"a\":1}\n {\"b\":2} \n{}\nx\n"), true)
	f.Add([]byte("\xff\n{\"a\":\"\u2028\"}\n"), false)
	f.Add([]byte("{\"a\":1}"), true)
	f.Fuzz(func(t *testing.T, payload []byte, remove bool) {
		b := sdk.Batch{Stream: "s", Payload: payload}
		if remove {
			b.Op = sdk.Delete
		}
		var records [][]byte
		for r := range b.Records() {
			records = append(records, r)
		}
		out, rejects := b.JSONLines()
		if lines := bytes.Count(out, []byte("\n")); lines+len(rejects) != len(records) {
			t.Fatalf("%d records became %d lines and %d rejects", len(records), lines, len(rejects))
		}
		if !utf8.Valid(out) || len(out) > 0 && out[len(out)-1] != '\n' {
			t.Errorf("written: %q", out)
		}
		for _, r := range rejects {
			if r.Reason == "" {
				t.Errorf("%q is rejected for nothing", r.Record)
			}
		}
		if !remove && len(rejects) == 0 &&
			!bytes.Equal(bytes.TrimSuffix(out, []byte("\n")), bytes.TrimSuffix(payload, []byte("\n"))) {
			t.Errorf("%q became %q", payload, out)
		}
	})
}

// FuzzDecodeConfig: settings are taken as the schema says or refused, and a taken one is the same
// after another round.
func FuzzDecodeConfig(f *testing.F) {
	type inner struct {
		On bool `json:"on"`
	}
	type config struct {
		Name  string            `json:"name" required:"true" doc:"n"`
		Times int               `json:"times" default:"3" min:"1" max:"9" doc:"t"`
		Kind  string            `json:"kind" enum:"a,b" default:"a" doc:"k"`
		List  []inner           `json:"list,omitempty" doc:"l"`
		Map   map[string]string `json:"map,omitempty" doc:"m"`
	}
	for _, text := range []string{`{"name":"x"}`,
		`{"name":"x","times":4,"kind":"b","list":[{"on":true}],"map":{"a":"b"}}`, `{"name":null}`,
		`{"name":"x","name":"y"}`, `[]`, `{"name":"x","times":1e9}`} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		var c config
		if settings.Decode(raw, &c) != nil {
			return
		}
		text, err := json.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		var again config
		if err := settings.Decode(text, &again); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		same, err := json.Marshal(again)
		if err != nil || !bytes.Equal(same, text) {
			t.Errorf("%s became %s (%v)", text, same, err)
		}
	})
}
