package sdktest_test

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/scrapekit/scrapekit/sdk"
	"github.com/scrapekit/scrapekit/sdk/sdktest"
)

const lines = `{"method":"GET","url":"http://h/a?key=redacted-0123456789ab&x=1","status":200,"reply":{"Etag":["\"a\""]},"text":"one"}
{"method":"GET","url":"http://h/a?key=redacted-0123456789ab&x=1","status":404,"base64":"AP8="}
{"method":"GET","url":"http://h/","error":"no such host"}
{"method":"POST","url":"http://h/","error":"refused","permanent":true}
`

func TestReplay(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "a.jsonl")
	if err := os.WriteFile(file, []byte(lines), 0o600); err != nil {
		t.Fatal(err)
	}
	rt := sdktest.Replay(t, file)
	for _, step := range []struct {
		method, url, body string
		status            int
		err               string
		permanent         bool
	}{
		{"GET", "http://H/a?x=1&key=mine", "one", 200, "", false},
		{"GET", "http://h/a?x=1&key=mine", "\x00\xff", 404, "", false},
		{"GET", "http://h/a?x=1&key=other", "\x00\xff", 404, "", false},
		{"GET", "http://h/a?x=2&key=mine", "", 0, "not in ", true},
		{"GET", "http://h", "", 0, "no such host", false},
		{"POST", "http://h/", "", 0, "refused", true},
	} {
		req, err := http.NewRequestWithContext(t.Context(), step.method, step.url, strings.NewReader("body"))
		if err != nil {
			t.Fatal(err)
		}
		resp, err := rt.RoundTrip(req)
		if step.err != "" {
			if err == nil || !strings.Contains(err.Error(), step.err) || sdk.IsPermanent(err) != step.permanent {
				t.Errorf("%s %s: %v", step.method, step.url, err)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		raw, err := io.ReadAll(resp.Body)
		if err != nil || string(raw) != step.body || resp.StatusCode != step.status || resp.Body.Close() != nil {
			t.Errorf("%s %s: %s %q, %v", step.method, step.url, resp.Status, raw, err)
		}
	}
}
