// Elements become records: the fields that a row names, and the value as Jira sent it.

package lists

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/scrapekit/scrapekit/plugins/sources/jira/internal/rest"
)

// value returns what is at a path of the element, as text:
//
//	a.b    the member b of the member a
//	$      the element itself, a string
//	/      what is behind the last slash of that
//	=text  the text
//	@name  what the lists above passed on
func (e element) value(path string, known vars) (text string, ok bool) {
	switch path[0] {
	case '=':
		return path[1:], true
	case '@':
		text, ok = known[path[1:]]
		return text, ok
	case '$':
		return plain(e.raw)
	case '/':
		text, ok = plain(e.raw)
		return text[strings.LastIndexByte(text, '/')+1:], ok
	}
	name, rest, deep := strings.Cut(path, ".")
	in := e.members
	for deep {
		in = in.In(name)
		name, rest, deep = strings.Cut(rest, ".")
	}
	return plain(in.Raw(name))
}

// plain writes a JSON string, number or boolean as text.
func plain(raw json.RawMessage) (string, bool) {
	switch jsontext.Value(raw).Kind() {
	case '"':
		var text string
		err := json.Unmarshal(raw, &text)
		return text, err == nil
	case '0':
		return rest.TextOf(raw), true
	case 't', 'f':
		return string(raw), true
	}
	return "", false
}

// pass returns what the lists below are told of the element.
func (r *row) pass(e element, flavour string, known vars) vars {
	told := vars{}
	for _, f := range r.passes {
		told[f.name], _ = e.value(f.from(flavour), known)
	}
	return told
}

// record is an element on its way out.
type record struct {
	key  string // its key, in one string
	line []byte
	hash uint64 // of its content
}

// record makes the record of an element.
func (r *row) record(e element, flavour string, known vars) (record, error) {
	texts := map[string]string{}
	line := []byte{'{'}
	for _, f := range r.fields {
		text, ok := e.value(f.from(flavour), known)
		if !ok && !f.nullable {
			return record{}, fmt.Errorf("no %s in it", f.from(flavour))
		}
		texts[f.name] = text
		line = append(quoted(line, f.name), ':')
		if ok {
			line = quoted(line, text)
		} else {
			line = append(line, "null"...)
		}
		line = append(line, ',')
	}
	raw := r.lasting(e.raw)
	line = append(quoted(append(line, `"flavour":`...), flavour), `,"raw":`...)
	hash := hash(line, raw)
	line = append(append(line, raw...), '}')
	key, err := r.joinKey(texts)
	return record{key: key, line: line, hash: hash}, err
}

func quoted(b []byte, text string) []byte {
	raw, err := json.Marshal(text)
	if err != nil {
		panic(err) // a string always marshals
	}
	return append(b, raw...)
}

// separator stands between the parts of a key.
const separator = "\x1f"

func (r *row) joinKey(texts map[string]string) (string, error) {
	var parts []string
	for _, name := range r.key {
		if texts[name] == "" {
			return "", fmt.Errorf("its %s is empty", name)
		}
		parts = append(parts, texts[name])
	}
	key := strings.Join(parts, separator)
	if strings.Count(key, separator) != len(parts)-1 {
		return "", errors.New("a control character in its key")
	}
	return key, nil
}

// splitKey is what a deletion names.
func (r *row) splitKey(key string) map[string]string {
	fields := map[string]string{}
	for i, part := range strings.Split(key, separator) {
		fields[r.key[i]] = part
	}
	return fields
}

// objectHash is what Java prints after the class of an object that has no text of its own:
// different at every fetch.
var objectHash = regexp.MustCompile(`(\.[A-Z][A-Za-z0-9_$]*)@[0-9a-f]{1,8}`)

// hash is of a content: 48 bits, which are compared for one key only. The order of members is no
// part of it.
func hash(head []byte, raw json.RawMessage) uint64 {
	content := jsontext.Value(bytes.Clone(raw))
	if err := content.Canonicalize(); err != nil {
		content = jsontext.Value(raw) // odd, but the same again
	}
	sum := sha256.New()
	sum.Write(head)
	sum.Write(objectHash.ReplaceAll(content, []byte("$1")))
	return binary.BigEndian.Uint64(sum.Sum(nil)) >> 16
}

// lasting takes the members out that differ at every fetch.
func (r *row) lasting(raw json.RawMessage) json.RawMessage {
	if len(r.volatile) == 0 {
		return raw
	}
	var object map[string]json.RawMessage
	if json.Unmarshal(raw, &object) != nil {
		return raw
	}
	for name := range object {
		if slices.Contains(r.volatile, name) {
			delete(object, name)
		}
	}
	rest, err := json.Marshal(object)
	if err != nil {
		return raw
	}
	return rest
}
