// Checks of plugins of every kind: a name, a schema, settings that are validated.

package conformance

import (
	"encoding/json"

	"github.com/google/jsonschema-go/jsonschema"

	"github.com/scrapekit/scrapekit/sdk"
)

var (
	describeCheck = Check{"describe", AnyHost, "the plugin has a name, a version, a doc and schemas that are right"}
	settingsCheck = Check{"settings", SameWords, "settings fit the schema, and others are refused for good"}
)

// Plugin runs the checks for every kind: the description and the settings.
func Plugin(t T, s Subject, config json.RawMessage, kind sdk.Kind) {
	t.Helper()
	t.Run(describeCheck.Name, func(t T) { testDescribe(t, s.Info, kind) })
	t.Run(settingsCheck.Name, func(t T) { testSettings(t, s, config) })
}

func testDescribe(t T, info sdk.Info, kind sdk.Kind) {
	if info.Kind != kind {
		t.Fatalf("the plugin is a %s, tested as a %s", info.Kind, kind)
	}
	if info.Name == "" || info.Doc == "" || info.Version == "" {
		t.Errorf("name %q, version %q and doc %q must all be there", info.Name, info.Version, info.Doc)
	}
	checkSchema(t, "settings", info.Config)
	for _, s := range info.Streams {
		checkStream(t, s)
	}
}

func testSettings(t T, s Subject, config json.RawMessage) {
	schema := checkSchema(t, "settings", s.Info.Config)
	var settings map[string]any
	if err := json.Unmarshal(config, &settings); err != nil {
		t.Fatalf("settings %s: %v", config, err)
	}
	if err := schema.Validate(settings); err != nil {
		t.Errorf("the case's settings do not fit the plugin's schema: %v", err)
	}
	again, err := json.Marshal(settings)
	if err != nil {
		t.Fatalf("settings: %v", err)
	}
	if err := tryStart(t, s, again); err != nil {
		t.Errorf("settings that went through JSON: %v", err)
	}
	settings["no such setting"] = 1
	wrong, err := json.Marshal(settings)
	if err != nil {
		t.Fatalf("settings: %v", err)
	}
	if err := tryStart(t, s, wrong); err == nil || !sdk.IsPermanent(err) {
		t.Errorf("a setting that is not in the schema: %v, want a permanent error", err)
	}
}

// tryStart starts the plugin and stops it. It returns the plugin's error about its settings.
func tryStart(t T, s Subject, config json.RawMessage) error {
	i, err := s.Start(sdk.Host{}.In(t.Context()), config, sdk.Host{})
	if err == nil {
		i.Kill()
	}
	return err
}

// checkSchema resolves a JSON Schema.
func checkSchema(t T, what string, raw json.RawMessage) *jsonschema.Resolved {
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

func checkStream(t T, s sdk.Stream) {
	t.Helper()
	if s.Name == "" {
		t.Errorf("a stream has no name")
	}
	if s.Schema != nil {
		checkSchema(t, "stream "+s.Name, s.Schema)
	}
}
