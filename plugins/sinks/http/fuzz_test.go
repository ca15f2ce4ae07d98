// Replies in every form.

package httpsink

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"testing"

	"github.com/scrapekit/scrapekit/sdk"
)

// FuzzReply: whatever an endpoint answers, nothing panics, what is refused is a record of the
// batch, and only a status 2xx confirms anything.
func FuzzReply(f *testing.F) {
	for _, reply := range []string{`{"errors":true,"items":[{"index":{"status":400,"error":{"reason":"x"}}},{}]}`,
		`{"errors":false,"items":[{"create":{"status":409}},{"delete":{"status":404}}]}`,
		`{"items":[{"status":422},200]}`,
		`{"items":[{"error":"odd"},{"error":null}]}`, `{"ok":false}`, `[]`, `null`, `<html>`, "\xff"} {
		f.Add(200, reply)
		f.Add(503, reply)
	}
	f.Fuzz(func(t *testing.T, status int, reply string) {
		resp := &http.Response{StatusCode: status, Status: "S", Header: http.Header{},
			Request: &http.Request{Method: http.MethodPost, URL: &url.URL{Scheme: "https", Host: "example.com"}}}
		records := [][]byte{[]byte(`{"id":1}`), []byte(`{"id":2}`)}
		for _, format := range []string{asJSON, asRecord, asBulk, clickhouse, webhook} {
			s := &Sink{Config: Config{Format: format, Refused: []int{422}}}
			if format == asJSON {
				s.Results = "items"
			}
			b := &batch{Stream: "s", Form: form{Format: format}, records: records}
			rejects, err := s.judge(b, part{"k", records}, resp, []byte(reply))
			if err == nil && status != 422 && (status < 200 || status > 299) {
				t.Errorf("%s: %d confirms", format, status)
			}
			if errors.As(err, new(sdk.Rejects)) || err != nil && rejects != nil {
				t.Errorf("%s: %v with %v", format, err, rejects)
			}
			for _, r := range rejects {
				if r.Reason == "" || !slices.ContainsFunc(records,
					func(one []byte) bool { return string(one) == string(r.Record) }) {
					t.Errorf("%s: rejected %q: %q", format, r.Record, r.Reason)
				}
			}
		}
	})
}
