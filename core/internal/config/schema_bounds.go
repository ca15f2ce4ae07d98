// Bounds of schemas. A third party writes the schema, and checking settings against it must be
// fast.

package config

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
)

const (
	maxSchemaSize  = 1 << 20 // bytes
	maxSchemaDepth = 100     // nested objects and lists
	// maxSchemaWork bounds the parts of a schema that checking one value can visit. A part that is
	// referred to twice counts twice, with everything that it refers to.
	maxSchemaWork = 100_000
)

// checkSize refuses a schema that is too long or nested too deeply to be parsed.
func checkSize(raw json.RawMessage) error {
	if len(raw) > maxSchemaSize {
		return fmt.Errorf("it has %d bytes; it may have %d", len(raw), maxSchemaSize)
	}
	depth := 0
	for d := json.NewDecoder(bytes.NewReader(raw)); ; {
		token, err := d.Token()
		if err != nil {
			return nil //nolint:nilerr // its end; what is wrong with it, who reads it says better
		}
		switch token {
		case json.Delim('{'), json.Delim('['):
			if depth++; depth > maxSchemaDepth {
				return fmt.Errorf("its parts are nested more than %d deep", maxSchemaDepth)
			}
		case json.Delim('}'), json.Delim(']'):
			depth--
		}
	}
}

// checkWork refuses a schema whose references make checking slow.
func (s *schema) checkWork() error {
	w := &work{schema: s, known: map[string]int{}}
	if w.of(s.document, true) > maxSchemaWork {
		return fmt.Errorf("its references make more than %d parts of it", maxSchemaWork)
	}
	return w.err
}

// work counts the parts that checking a value can visit, and stops a little above maxSchemaWork.
type work struct {
	schema *schema
	known  map[string]int // by reference; 0 while it is counted, which ends cycles
	err    error
}

func (w *work) of(part any, root bool) int {
	n := 1
	switch part := part.(type) {
	case map[string]any:
		if _, own := part["$id"].(string); own && !root {
			w.err = errors.New("a part of it has an $id; only the whole may have one")
		}
		for key, value := range part {
			if ref, ok := value.(string); ok && strings.HasPrefix(key, "$") &&
				strings.HasSuffix(strings.ToLower(key), "ref") {
				n += w.ofReference(key, ref)
			}
			n = min(n+w.of(value, false), maxSchemaWork+1)
		}
	case []any:
		for _, value := range part {
			n = min(n+w.of(value, false), maxSchemaWork+1)
		}
	}
	return n
}

func (w *work) ofReference(key, ref string) int {
	if n, known := w.known[ref]; known {
		return n
	}
	w.known[ref] = 0
	target, err := w.schema.resolve(ref)
	if key != "$ref" {
		err = fmt.Errorf("it has a %s; only $ref is understood", key)
	}
	if err != nil {
		w.err = err
		return 0
	}
	w.known[ref] = w.of(target, ref == "#")
	return w.known[ref]
}

// resolve returns the part of the schema to which a reference leads.
func (s *schema) resolve(ref string) (any, error) {
	pointer, inside := strings.CutPrefix(ref, "#")
	if pointer != "" && !strings.HasPrefix(pointer, "/") || !inside {
		return nil, fmt.Errorf("it refers to %s; a schema of settings refers to its own parts by #/…", ref)
	}
	pointer, err := url.PathUnescape(pointer)
	if err != nil {
		return nil, fmt.Errorf("its reference %q: %w", ref, err)
	}
	target := any(s.document)
	for _, step := range strings.Split(pointer, "/")[1:] {
		step = strings.NewReplacer("~1", "/", "~0", "~").Replace(step)
		next, known := member(target, step)
		if !known {
			return nil, fmt.Errorf("its reference %q leads nowhere", ref)
		}
		target = next
	}
	return target, nil
}

// member returns a member of an object, or an element of a list by its number.
func member(v any, name string) (any, bool) {
	switch v := v.(type) {
	case map[string]any:
		next, known := v[name]
		return next, known
	case []any:
		for i, next := range v {
			if fmt.Sprint(i) == name {
				return next, true
			}
		}
	}
	return nil, false
}
