package settings_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/scrapekit/scrapekit/sdk"
	"github.com/scrapekit/scrapekit/sdk/host/keyword"
	"github.com/scrapekit/scrapekit/sdk/host/settings"
)

type server struct {
	Name string `json:"name" required:"true" doc:"what it is called"`
	Port int    `json:"port" default:"443" min:"1" max:"65535"`
}

type example struct {
	URL     string            `json:"url" doc:"where it is" required:"true" host:"true" example:"https://example.com"`
	Token   string            `json:"token" sensitive:"true"`
	Path    string            `json:"path" path:"true"`
	Mode    string            `json:"mode" enum:"fast,slow" default:"slow"`
	Tasks   []string          `json:"tasks" enum:"a,b" default:"[\"a\"]"`
	Wait    sdk.Duration      `json:"wait" default:"5s"`
	Servers []server          `json:"servers"`
	Labels  map[string]string `json:"labels"`
	Share   float64           `json:"share" min:"0" max:"1"`
	hidden  int
}

func schemaOf(t *testing.T) map[string]any {
	t.Helper()
	var s map[string]any
	if err := json.Unmarshal(settings.Schema[example](), &s); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestSchemaSaysWhatTheTagsSay(t *testing.T) {
	t.Parallel()
	s := schemaOf(t)
	props := s["properties"].(map[string]any)
	url := props["url"].(map[string]any)
	if url["type"] != "string" || url["description"] != "where it is" || url[keyword.Host] != true {
		t.Errorf("url: %v", url)
	}
	if token := props["token"].(map[string]any); token[keyword.Sensitive] != true {
		t.Errorf("token: %v", token)
	}
	if path := props["path"].(map[string]any); path[keyword.Path] != true {
		t.Errorf("path: %v", path)
	}
	if mode := props["mode"].(map[string]any); mode["default"] != "slow" || len(mode["enum"].([]any)) != 2 {
		t.Errorf("mode: %v", mode)
	}
	tasks := props["tasks"].(map[string]any)
	if tasks["type"] != "array" || tasks["enum"] != nil || len(tasks["items"].(map[string]any)["enum"].([]any)) != 2 {
		t.Errorf("tasks: %v; the enum belongs to the items", tasks)
	}
	inner := props["servers"].(map[string]any)["items"].(map[string]any)
	if port := inner["properties"].(map[string]any)["port"].(map[string]any); port["minimum"] != 1.0 ||
		port["maximum"] != 65535.0 {
		t.Errorf("servers[].port: %v", port)
	}
	if req := inner["required"].([]any); len(req) != 1 || req[0] != "name" {
		t.Errorf("servers[].required: %v", req)
	}
	if req := s["required"].([]any); len(req) != 1 || req[0] != "url" {
		t.Errorf("required: %v", req)
	}
	if _, there := props["hidden"]; there || s["additionalProperties"] == nil {
		t.Error("an unexported field is a setting, or unknown settings are allowed")
	}
}

func TestDecodeConfigFillsDefaults(t *testing.T) {
	t.Parallel()
	c := example{hidden: 7}
	raw := `{"url":"https://example.com","servers":[{"name":"a"}],"labels":{"k":"v"},"share":0.5}`
	if err := settings.Decode([]byte(raw), &c); err != nil {
		t.Fatal(err)
	}
	if c.Mode != "slow" || len(c.Tasks) != 1 || time.Duration(c.Wait) != 5*time.Second || c.Servers[0].Port != 443 ||
		c.Labels["k"] != "v" || c.Share != 0.5 || c.hidden != 7 {
		t.Errorf("%+v", c)
	}
}

func TestDecodeConfigRefusesWhatTheSchemaDoes(t *testing.T) {
	t.Parallel()
	for _, raw := range []string{
		`{}`, `{"url":1}`, `{"url":"u","mode":"medium"}`, `{"url":"u","tasks":["c"]}`, `{"url":"u","wait":"soon"}`,
		`{"url":"u","wait":5}`, `{"url":"u","share":2}`, `{"url":"u","nope":1}`, `{"url":"u","servers":[{"port":1}]}`,
		`[]`, `{`,
	} {
		var c example
		if err := settings.Decode([]byte(raw), &c); err == nil {
			t.Errorf("%s was taken: %+v", raw, c)
		}
	}
}

func TestSchemaPanicsOnWhatCannotBeASetting(t *testing.T) {
	t.Parallel()
	defer func() {
		if recover() == nil {
			t.Error("a field without a json tag was taken")
		}
	}()
	settings.Schema[struct{ NoTag string }]()
}

// A plugin made from a typed struct refuses settings that are not right, for good.
func TestPluginRefusesWrongSettings(t *testing.T) {
	t.Parallel()
	p := sdk.SinkPlugin(sdk.Info{Name: "x"}, func(context.Context, example) (sdk.Sink, error) { return nil, nil })
	if p.Kind != sdk.KindSink {
		t.Errorf("kind %q", p.Kind)
	}
	_, err := p.New(t.Context(), []byte(`{"url":"u","nope":1}`))
	if !sdk.IsPermanent(err) || !strings.Contains(err.Error(), "nope") {
		t.Errorf("error %v, want a permanent one that names the setting", err)
	}
}
