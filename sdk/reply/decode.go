// Required members: whether a reply holds what was asked for.

package reply

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
)

// Decode decodes the JSON text of a reply into the value that into points to, as sdk.GetJSON
// does: see there for what it refuses. body may begin as [Text] has it.
func Decode(body []byte, into any) error {
	text, err := io.ReadAll(Text(bytes.NewReader(body)))
	if err != nil {
		return fmt.Errorf("the reply is not the JSON that was expected: %w: %s", err, Beginning(body))
	}
	if err := json.Unmarshal(text, into); err != nil {
		what := ""
		if begin := bytes.TrimSpace(text); len(begin) > 0 && begin[0] == '<' {
			what = "a page, as of a login or a proxy: "
		}
		return fmt.Errorf("the reply is not the JSON that was expected: %w: %s%s", err, what, Beginning(text))
	}
	if err := lacking(reflect.TypeOf(into), text, ""); err != nil {
		return fmt.Errorf("the reply is not what was asked for: %w: %s", err, Beginning(text))
	}
	return nil
}

// lacking returns an error if raw, which was decoded into a t, is null or lacks a member that is
// tagged required. at is where raw is in the reply.
func lacking(t reflect.Type, raw json.RawMessage, at string) error {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t.Kind() == reflect.Interface || t == reflect.TypeFor[json.RawMessage]() {
		return nil
	}
	if string(bytes.TrimSpace(raw)) == "null" {
		if at == "" {
			return errors.New("it is null")
		}
		return fmt.Errorf("%q is null", at)
	}
	if !demanding(t, nil) {
		return nil
	}
	if t.Kind() != reflect.Struct { // a slice
		var all []json.RawMessage
		if err := json.Unmarshal(raw, &all); err != nil {
			return err
		}
		for i, one := range all {
			if err := lacking(t.Elem(), one, fmt.Sprintf("%s[%d]", at, i)); err != nil {
				return err
			}
		}
		return nil
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(raw, &members); err != nil {
		return err
	}
	for i := range t.NumField() {
		f := t.Field(i)
		name := memberName(f)
		path := strings.TrimPrefix(at+"."+name, ".")
		value, there := member(members, name)
		switch {
		case f.Anonymous && f.Tag.Get("json") == "":
			if err := lacking(f.Type, raw, at); err != nil {
				return err
			}
		case !there && f.Tag.Get("required") == "true":
			return fmt.Errorf("it has no %q", path)
		case there && (f.Tag.Get("required") == "true" || demanding(f.Type, nil) && string(value) != "null"):
			if err := lacking(f.Type, value, path); err != nil {
				return err
			}
		}
	}
	return nil
}

// demanding reports whether t, or what it holds, has a member that is tagged required. within are
// the types that are looked at.
func demanding(t reflect.Type, within []reflect.Type) bool {
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Array:
		return demanding(t.Elem(), within)
	case reflect.Struct:
		for _, outer := range within {
			if outer == t {
				return false
			}
		}
		for i := range t.NumField() {
			f := t.Field(i)
			if f.IsExported() && (f.Tag.Get("required") == "true" || demanding(f.Type, append(within, t))) {
				return true
			}
		}
	}
	return false
}

func memberName(f reflect.StructField) string {
	if name, _, _ := strings.Cut(f.Tag.Get("json"), ","); name != "" {
		return name
	}
	return f.Name
}

// member finds a member as encoding/json does, in any case of its letters.
func member(all map[string]json.RawMessage, name string) (json.RawMessage, bool) {
	if value, ok := all[name]; ok {
		return value, true
	}
	for other, value := range all {
		if strings.EqualFold(other, name) {
			return value, true
		}
	}
	return nil, false
}

// Beginning returns as much of a body as a message can bear, on one line.
func Beginning(body []byte) string {
	const shown = 200
	text := strings.Join(strings.Fields(string(bytes.ToValidUTF8(body[:min(len(body), shown)], []byte("�")))), " ")
	if len(body) > shown {
		text += "…"
	}
	return text
}
