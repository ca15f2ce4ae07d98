// Planted secrets: every kind of credential, a server that tells them back wherever it can, and a
// look at every byte that a run writes.

package core_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/scrapekit/scrapekit/core"
	"github.com/scrapekit/scrapekit/core/observe"
)

// echo refuses everything, in the words of the request: status, headers, body and a redirect hold
// what it was sent.
type echo struct {
	mu   sync.Mutex
	seen strings.Builder
	bad  bool // refuses to give out tokens too
}

func (e *echo) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	e.mu.Lock()
	defer e.mu.Unlock()
	body, _ := io.ReadAll(r.Body)
	told := r.URL.RequestURI() + " " + fmt.Sprint(r.Header) + " " + string(body)
	if _, basic, ok := strings.Cut(r.Header.Get("Authorization"), "Basic "); ok {
		plain, _ := base64.StdEncoding.DecodeString(basic)
		told += " " + string(plain)
	}
	e.seen.WriteString(told)
	w.Header().Set("X-Echo", told)
	w.Header().Set("Set-Cookie", "session=sesame-cookie-4711")
	switch {
	case r.URL.Path == "/token" && !e.bad:
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"access_token": "sesame-access-4711", "token_type": "Bearer", "expires_in": `+
			`3600, "refresh_token": "sesame-rotated-4711"}`)
	case r.URL.Path == "/token":
		w.WriteHeader(http.StatusBadRequest)
		text, _ := json.Marshal(map[string]string{"error": "invalid_client", "error_description": told})
		_, _ = w.Write(text)
	case r.URL.Path == "/moved":
		w.Header().Set("Cache-Control", "max-age=60")
		_, _ = io.WriteString(w, "1\nbad "+strings.ReplaceAll(told, "\n", " ")+"\n") // the second becomes a dead letter
	default:
		w.Header().Set("Location", "/moved?"+r.URL.RawQuery)
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, "refused: "+told)
	}
}

func TestPlantedSecrets(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("one of the credentials comes from a shell")
	}
	t.Parallel()
	const oauth = `
      token_url = "URL/token"
      client_id = "me"
      client_secret = sensitive("sesame-client/+4711")`
	for name, c := range map[string]struct{ auth, shown string }{
		"basic":  {`"basic" { user = "me", password = "sesame-pass word" }`, "me:sesame-pass word"},
		"bearer": {`"bearer" { token = "sesame-bearer-4711" }`, "sesame-bearer-4711"},
		"header": {`"header" { name = "X-Key", value = "Key sesame-header-4711" }`, "sesame-header-4711"},
		"query":  {`"query" { name = "who", value = "sesame/query+4711" }`, "sesame%2Fquery%2B4711"},
		"cookie": {`"cookie" { name = "sid", value = "sesame-cook-4711" }`, "sid=sesame-cook-4711"},
		"aws":    {`"aws_sigv4" { region = "eu-west-1", service = "s3", access_key_id = "AKIDEXAMPLE", secret_access_key = "sesame-aws-4711", session_token = "sesame-session-4711" }`, "sesame-session-4711"},
		"client": {`"oauth2" { grant = "client_credentials",` + oauth + ` }`, "sesame-access-4711"},
		"refresh": {`"oauth2" { grant = "refresh_token", refresh_token = "sesame-refresh-4711",` + oauth + ` }`,
			"sesame-refresh-4711"},
		"refused": {`"oauth2" { grant = "refresh_token", refresh_token = "sesame-refresh-4711",` + oauth + ` }`,
			"sesame-refresh-4711"},
		"process": {`"aws_sigv4" { region = "eu-west-1", service = "s3", credentials = secret.aws }`, "sesame-session-4711"},
		"command": {`"bearer" { token = secret.x }`, "sesame-command-4711"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := &echo{bad: name == "refused"}
			s := httptest.NewServer(server)
			defer s.Close()
			auth := strings.NewReplacer("URL", s.URL, ", ", "\n      ", ",\n", "\n", "{ ", "{\n      ", " }",
				"\n    }").Replace(c.auth)
			for _, path := range []string{"/", "/moved"} {
				file := pipelineFile(t, fmt.Sprintf(`
secret "x" {
  exec = ["sh", "-c", "echo sesame-command-4711; echo sesame-command-4711 >&2"]
}
secret "aws" {
  exec = ["sh", "-c", <<-END
    echo '{"AccessKeyId":"AKID","SecretAccessKey":"sesame-aws-4711","SessionToken":"sesame-session-4711"}'
  END
  ]
}
source "web" {
  url = "%s%s"
  http {
    attempts = 2
    cookies = true
    robots  = true
    cache {}
    auth %s
  }
}
sink "jsonl" {
  path = "out/x.jsonl"
}
`, s.URL, path, auth))
				said := planted(t, file)
				for path, text := range files(t, filepath.Dir(file)) {
					if path != file && !strings.Contains(path,
						string(filepath.Separator)+"tokens"+string(filepath.Separator)) {
						said[path] = text + lettersOf(text)
					}
				}
				for where, text := range said {
					if i := strings.Index(strings.ToLower(text), "sesame"); i >= 0 {
						t.Errorf("%s: %s holds the secret: %q", c.auth, where, text[max(0, i-200):min(len(text), i+60)])
					}
				}
			}
			if !strings.Contains(server.seen.String(), c.shown) {
				t.Errorf("the server was never shown %s: the test tests nothing", c.shown)
			}
		})
	}
}

// lettersOf decodes the records of dead letters that are no JSON.
func lettersOf(text string) string {
	var all strings.Builder
	for line := range strings.Lines(text) {
		var letter struct{ Bytes []byte }
		if json.Unmarshal([]byte(line), &letter) == nil {
			all.Write(letter.Bytes)
		}
	}
	return all.String()
}

// planted runs a pipeline and returns all that it says, by what says it.
func planted(t *testing.T, file string) map[string]string {
	t.Helper()
	var log, out output
	o := options(&out, &log)
	o.Level = 1 // trace
	o.Record = filepath.Join(filepath.Dir(file), "run.rec")
	p := load(t, file, o)
	report, err := run(t, p, core.RunOptions{Listeners: []observe.Listener{func(e observe.Event) {
		fmt.Fprintf(&out,
			"%s %+v\n", e.Kind(), e)
	}}})
	text, _ := json.Marshal(report)
	state, stateErr := p.State(t.Context(), core.StateOptions{Runs: -1, Splits: -1})
	if strings.Contains(log.String(), "data race") || log.String() == "" {
		t.Errorf("the log: %s", log.String())
	}
	var exchanges strings.Builder
	info, err2 := core.ReadRecording(o.Record, true, func(x core.Exchange) error {
		text, err := json.Marshal(x)
		exchanges.Write(text)
		return err
	})
	if err2 != nil || info.Exchanges == 0 && report.Outcome == core.Complete {
		t.Errorf("the recording: %+v %v", info, err2)
	}
	if info.Exchanges > 0 && report.Outcome == core.Complete && report.Stages[0].Rejected == 0 {
		t.Error("nothing was rejected: dead letters are not tested")
	}
	return map[string]string{
		"recording": exchanges.String(),
		"log":       log.String(), "events": out.String(), "report": string(text), "error": fmt.Sprint(err),
		"state": fmt.Sprintf("%+v %v", state, stateErr),
	}
}
