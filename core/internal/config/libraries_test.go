package config

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	google "github.com/google/jsonschema-go/jsonschema"
	santhosh "github.com/santhosh-tekuri/jsonschema/v6"
)

// TestWhyTwoSchemaLibraries fails when one library can do the work of both: then link only that one.
// The pipeline file needs every fault with its place; the SDK needs the schema of a Go struct.
func TestWhyTwoSchemaLibraries(t *testing.T) {
	t.Parallel()
	instance := map[string]any{"pages": "many", "rate": "high"}

	made, err := google.For[struct {
		Pages int `json:"pages"`
		Rate  int `json:"rate"`
	}](nil)
	if err != nil {
		t.Fatal(err)
	}
	resolved, err := made.Resolve(nil)
	if err != nil {
		t.Fatal(err)
	}
	said := resolved.Validate(instance)
	if said == nil {
		t.Fatal("google/jsonschema-go finds no fault")
	}
	if strings.Contains(said.Error(), "pages") && strings.Contains(said.Error(), "rate") {
		t.Errorf("google/jsonschema-go tells all faults now: %v", said)
	}
	for err := said; err != nil; err = errors.Unwrap(err) {
		if kind := reflect.Indirect(reflect.ValueOf(err)).Type(); strings.Contains(kind.PkgPath(), "jsonschema") {
			t.Errorf("errors of google/jsonschema-go have a type of their own now: %s", kind)
		}
	}

	s, err := newSchema([]byte(`{"properties": {"pages": {"type": "integer"}, "rate": {"type": "integer"}}}`))
	if err != nil {
		t.Fatal(err)
	}
	var tree *santhosh.ValidationError
	if err := s.compiled.Validate(instance); !errors.As(err, &tree) || len(tree.Causes) != 2 {
		t.Errorf("santhosh-tekuri/jsonschema tells %v, want two faults", err)
	}
	for i := range reflect.TypeFor[*santhosh.Compiler]().NumMethod() {
		m := reflect.TypeFor[*santhosh.Compiler]().Method(i)
		for p := range m.Type.Ins() {
			if p == reflect.TypeFor[reflect.Type]() {
				t.Errorf("santhosh-tekuri/jsonschema seems to make schemas of Go types now: %s", m.Name)
			}
		}
	}
}
