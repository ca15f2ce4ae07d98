// What every plugin owes, of whatever kind: a name, a schema, settings that are checked.

package sdktest

import (
	"encoding/json"
	"reflect"
	"testing"

	"github.com/google/jsonschema-go/jsonschema"

	"github.com/scrapekit/scrapekit/sdk"
	"github.com/scrapekit/scrapekit/sdk/rpc"
)

func testPlugin(t *testing.T, p sdk.Plugin, config any, kind sdk.Kind) {
	t.Helper()
	t.Run("describe", func(t *testing.T) { testDescribe(t, p, kind) })
	t.Run("settings", func(t *testing.T) { testSettings(t, p, rawConfig(t, config)) })
}

func testDescribe(t *testing.T, p sdk.Plugin, kind sdk.Kind) {
	if p.Kind != kind {
		t.Fatalf("the plugin is a %s, tested as a %s", p.Kind, kind)
	}
	if p.Name == "" || p.Doc == "" || p.Version == "" {
		t.Errorf("name %q, version %q and doc %q must all be there", p.Name, p.Version, p.Doc)
	}
	conn, end, err := rpc.InProcess(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	defer end()
	got, err := conn.Describe(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, p.Info) {
		t.Errorf("what the plugin says of itself changes on the wire:\n got %+v\nwant %+v", got, p.Info)
	}
	for _, s := range p.Streams {
		checkStream(t, s)
	}
}

func testSettings(t *testing.T, p sdk.Plugin, config json.RawMessage) {
	schema := checkSchema(t, "settings", p.Config)
	var settings map[string]any
	if err := json.Unmarshal(config, &settings); err != nil {
		t.Fatalf("settings %s: %v", config, err)
	}
	if err := schema.Validate(settings); err != nil {
		t.Errorf("the case's settings do not fit the plugin's schema: %v", err)
	}
	again, err := json.Marshal(settings)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.New(t.Context(), again); err != nil {
		t.Errorf("settings that went through JSON: %v", err)
	}
	settings["no such setting"] = 1
	wrong, err := json.Marshal(settings)
	if err != nil {
		t.Fatal(err)
	}
	_, err = p.New(t.Context(), wrong)
	if err == nil || !sdk.IsPermanent(err) {
		t.Errorf("a setting that is not in the schema: %v, want a permanent error", err)
	}
}

// checkSchema resolves a JSON Schema.
func checkSchema(t *testing.T, what string, raw json.RawMessage) *jsonschema.Resolved {
	t.Helper()
	var s jsonschema.Schema
	if err := json.Unmarshal(raw, &s); err != nil {
		t.Fatalf("schema of %s: %v", what, err)
	}
	r, err := s.Resolve(&jsonschema.ResolveOptions{ValidateDefaults: true})
	if err != nil {
		t.Fatalf("schema of %s: %v", what, err)
	}
	return r
}

func checkStream(t *testing.T, s sdk.Stream) {
	t.Helper()
	if s.Name == "" {
		t.Error("a stream has no name")
	}
	if s.Schema != nil {
		checkSchema(t, "stream "+s.Name, s.Schema)
	}
}
