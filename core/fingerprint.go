// The fingerprint of a pipeline: what an unfinished run depends on.

package core

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"

	"github.com/google/jsonschema-go/jsonschema"

	"github.com/scrapekit/scrapekit/core/internal/config"
	"github.com/scrapekit/scrapekit/sdk/host/keyword"
)

// fingerprint hashes the stages and their settings, because all records of one run must be made in
// the same way. Sensitive settings, limits and credentials are left out: they may change while a
// run is unfinished.
func (p *Pipeline) fingerprint() (string, error) {
	h := sha256.New()
	for _, b := range p.blocks() {
		if err := writeBlock(h, b); err != nil {
			return "", fmt.Errorf("%s: settings: %w", stageName(b), err)
		}
	}
	return hex.EncodeToString(h.Sum(nil)[:16]), nil
}

func (p *Pipeline) blocks() []config.Block {
	return append(append([]config.Block{p.config.Source}, p.config.Transforms...), p.config.Sinks...)
}

func writeBlock(w io.Writer, b config.Block) error {
	var schema jsonschema.Schema
	if len(b.Info.Config) > 0 { // a plugin may have no schema of settings
		if err := json.Unmarshal(b.Info.Config, &schema); err != nil {
			return err
		}
	}
	settings := map[string]json.RawMessage{}
	if err := json.Unmarshal(b.Config, &settings); err != nil {
		return err
	}
	for name, s := range schema.Properties {
		if sensitive, _ := s.Extra[keyword.Sensitive].(bool); sensitive {
			delete(settings, name)
		}
	}
	plain, err := json.Marshal(settings)
	if err != nil {
		return err
	}
	program := b.Path
	if b.Source != "" {
		program = b.Source + "@" + b.Version // independent of the store's path
	}
	_, err = fmt.Fprintf(w, "%s %q %q %s %q\n", b.Kind, b.Type, program, plain, b.Streams)
	return err
}
