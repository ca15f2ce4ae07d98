// Forms: what a batch looks like in the body of a request.

package httpsink

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/scrapekit/scrapekit/sdk"
)

// form is what of the settings the bodies depend on.
type form struct {
	Format    string   `json:"format"`
	Keys      []string `json:"keys,omitempty"`
	Index     string   `json:"index,omitempty"`
	Text      string   `json:"text,omitempty"`
	TextField string   `json:"text_field,omitempty"`
}

// contentTypes are those of the bodies.
var contentTypes = map[string]string{
	asJSON: "application/json", asNDJSON: "application/x-ndjson", asRecord: "application/json",
	asBulk: "application/x-ndjson", clickhouse: "application/x-ndjson", webhook: "application/json",
}

// part is what one request takes of a batch.
type part struct {
	key     string // never changes
	records [][]byte
}

// parts are the requests of a batch with an id.
func (b *batch) parts(id string) []part {
	if b.Form.Format != asRecord && b.Form.Format != webhook {
		return []part{{id, b.records}}
	}
	var out []part
	for i, r := range b.records {
		out = append(out, part{fmt.Sprintf("%s-%d", id, i+1), [][]byte{r}})
	}
	return out
}

// body is what a request holds.
func (b *batch) body(p part) ([]byte, error) {
	switch b.Form.Format {
	case asJSON:
		return slicesOf("[", ",", "]", p.records), nil
	case asRecord:
		return p.records[0], nil
	case webhook:
		return b.message(p.records[0])
	case asBulk:
		return b.bulk(p)
	}
	return slicesOf("", "\n", "\n", p.records), nil
}

func slicesOf(begin, between, end string, records [][]byte) []byte {
	out := append([]byte(begin), bytes.Join(records, []byte(between))...)
	return append(out, end...)
}

// message is the body of a webhook.
func (b *batch) message(record []byte) ([]byte, error) {
	text := placeholder.ReplaceAllStringFunc(b.Form.Text, func(name string) string {
		name = strings.Trim(name, "{}")
		if name == "stream" {
			return b.Stream
		}
		return textOf(record, strings.Split(name, "."))
	})
	return json.Marshal(map[string]string{b.Form.TextField: text})
}

// textOf is a field of a record as a text; "" if there is none.
func textOf(value []byte, path []string) string {
	for _, name := range path {
		var fields map[string]json.RawMessage
		if json.Unmarshal(value, &fields) != nil {
			return ""
		}
		value = fields[name]
	}
	return plainText(value)
}

// plainText is a value as people write it.
func plainText(value []byte) string {
	var text string
	if json.Unmarshal(value, &text) == nil {
		return text
	}
	return string(value)
}

// The actions of the bulk API.
type (
	action struct {
		Index  *target `json:"index,omitempty"`
		Create *target `json:"create,omitempty"`
		Delete *target `json:"delete,omitempty"`
	}
	target struct {
		Index string `json:"_index"`
		ID    string `json:"_id"`
	}
)

// bulk is the body of a request of the bulk API. Without a primary key a document is created under
// an id made of the batch, so it is not there twice if the batch is sent again.
func (b *batch) bulk(p part) ([]byte, error) {
	var out []byte
	for i, r := range p.records {
		to := &target{Index: b.Form.Index, ID: fmt.Sprintf("%s-%d", p.key, i+1)}
		a := action{Create: to}
		if len(b.Form.Keys) > 0 {
			id, err := documentID(r, b.Form.Keys)
			if err != nil {
				return nil, sdk.Permanent(err)
			}
			to.ID = id
			a = action{Index: to}
		}
		if b.Op == sdk.Delete {
			a = action{Delete: to}
		}
		line, err := json.Marshal(a)
		if err != nil {
			return nil, err
		}
		out = append(append(out, line...), '\n')
		if b.Op != sdk.Delete {
			out = append(append(out, r...), '\n')
		}
	}
	return out, nil
}

// maxID is the longest _id that Elasticsearch takes, in bytes.
const maxID = 512

// documentID is the _id of a record: its key, or a JSON array of the fields of its key.
func documentID(record []byte, keys []string) (string, error) {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(record, &fields); err != nil {
		return "", errors.New("no document: it is not a JSON object")
	}
	var values []json.RawMessage
	for _, k := range keys {
		v, ok := fields[k]
		if !ok || string(v) == "null" {
			return "", fmt.Errorf("no id for the document: the field %q of the key is missing", k)
		}
		values = append(values, v)
	}
	id := plainText(values[0])
	if len(values) > 1 {
		raw, err := json.Marshal(values)
		if err != nil {
			return "", err
		}
		id = string(raw)
	}
	if id == "" || len(id) > maxID {
		return "", fmt.Errorf("no id for the document: the key has %d bytes, and may have 1 to %d", len(id), maxID)
	}
	return id, nil
}

func plain(s string) string { return s }

// expand fills in the placeholders of a template.
func expand(template, stream, key string, escape func(string) string) string {
	return strings.NewReplacer("{stream}", escape(stream), "{key}", escape(key)).Replace(template)
}

// urlOf is the URL of a request.
func (s *Sink) urlOf(stream, key string) (*url.URL, error) {
	path, query, _ := strings.Cut(s.URL, "?")
	u, err := url.Parse(expand(path, stream, key, url.PathEscape))
	if err != nil {
		return nil, err
	}
	u.RawQuery = expand(query, stream, key, url.QueryEscape)
	switch s.Format {
	case asBulk:
		if !strings.HasSuffix(u.Path, "/_bulk") {
			u = u.JoinPath("_bulk")
		}
		set(u, "filter_path", "errors,items.*.status,items.*.error")
	case clickhouse:
		set(u, "query", "INSERT INTO "+quoted(expand(s.Table, stream, "", plain))+" FORMAT JSONEachRow")
		set(u, "insert_deduplicate", "1")
		set(u, "insert_deduplication_token", key)
		set(u, "async_insert", "0") // which would confirm what is not written yet, and put batches together
		set(u, "wait_end_of_query", "1")
	}
	return u, nil
}

// set sets a parameter of a query.
func set(u *url.URL, name, value string) {
	q := u.Query()
	q.Set(name, value)
	u.RawQuery = q.Encode()
}

// quoted is an identifier of ClickHouse.
func quoted(name string) string {
	return "`" + strings.NewReplacer(`\`, `\\`, "`", "\\`").Replace(name) + "`"
}
