// The bill of materials, in the form of CycloneDX: the modules that are linked, for whichever
// platform.

package main

import (
	"encoding/json"
	"maps"
	"runtime/debug"
	"slices"
	"strings"
)

type component struct {
	Type       string     `json:"type"`
	Ref        string     `json:"bom-ref"`
	Name       string     `json:"name"`
	Version    string     `json:"version"`
	URL        string     `json:"purl"`
	Properties []property `json:"properties,omitempty"`
}

type property struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

func componentOf(kind, path, version string) component {
	purl := "pkg:golang/" + path + "@" + version
	return component{Type: kind, Ref: purl, Name: path, Version: version, URL: purl}
}

func (r *release) sbom(programs []program) ([]byte, error) {
	linked, where := map[string]*debug.Module{}, map[string][]string{}
	for _, p := range programs {
		for _, m := range p.linked {
			linked[m.Path] = m
			where[m.Path] = append(where[m.Path], p.platform)
		}
	}
	main := componentOf("application", "github.com/scrapekit/scrapekit", "v"+r.version)
	main.Properties = []property{{"commit", r.commit}}
	needs := []string{}
	components := []component{}
	for _, path := range slices.Sorted(maps.Keys(linked)) {
		m := linked[path]
		c := componentOf("library", m.Path, m.Version)
		if c.Properties = []property{{"go.sum", m.Sum}}; len(where[path]) < len(programs) {
			c.Properties = append(c.Properties, property{"platforms", strings.Join(where[path], ",")})
		}
		components, needs = append(components, c), append(needs, c.Ref)
	}
	return json.MarshalIndent(map[string]any{
		"bomFormat": "CycloneDX", "specVersion": "1.6", "version": 1,
		"metadata":     map[string]any{"timestamp": r.date.Format("2006-01-02T15:04:05Z"), "component": main},
		"components":   components,
		"dependencies": []any{map[string]any{"ref": main.Ref, "dependsOn": needs}},
	}, "", "  ")
}
