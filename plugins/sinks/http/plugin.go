// The plugin: its settings, what they mean, and how they are checked.

package httpsink

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/net/http/httpguts"

	"github.com/scrapekit/scrapekit/sdk"
)

// Config is the sink's settings.
type Config struct {
	URL        string            `json:"url" required:"true" host:"true" doc:"Where the batches go. {stream} stands for the name of the stream, {key} for the idempotency key of the request." example:"https://api.example.com/{stream}/batches"`
	Format     string            `json:"format" enum:"json,ndjson,record,bulk,clickhouse,webhook" default:"json" doc:"Form of a request: json (an array of records), ndjson (one record a line), record (one request for each record, with the record as its body), bulk (the bulk API of Elasticsearch and OpenSearch), clickhouse (an INSERT over HTTP), webhook (one request for each record, with a text, as chat systems take it)."`
	Method     string            `json:"method" enum:"POST,PUT,PATCH" default:"POST" doc:"The method of the requests."`
	Headers    map[string]string `json:"headers,omitempty" doc:"Further headers, with {stream} and {key} as in url. Credentials do not belong here: they go into http { auth … }."`
	MaxRecords int               `json:"max_records,omitempty" min:"0" max:"10000" doc:"Records in a batch at most. 0: 1,000, and 1 for webhook."`
	MaxBytes   int               `json:"max_bytes,omitempty" default:"1048576" min:"1" max:"33554432" doc:"Bytes of the records in a batch at most. A longer record is a batch of its own."`
	KeyHeader  string            `json:"key_header,omitempty" default:"Idempotency-Key" doc:"The header with the idempotency key."`
	Idempotent bool              `json:"idempotent,omitempty" doc:"The endpoint ignores a request whose key it knows. Then records are delivered exactly once, and otherwise at least once. bulk and clickhouse do not need it."`
	Known      []int             `json:"known,omitempty" doc:"Statuses by which the endpoint says that it has taken the batch before, such as 409."`
	Refused    []int             `json:"refused,omitempty" default:"[400,413,422]" doc:"Statuses by which the endpoint refuses a batch for good. Its records become dead letters. Any other 4xx ends the run, and the batch is sent again by the next one."`
	Results    string            `json:"results,omitempty" doc:"For json and ndjson: the member of the reply that lists one result for each record, in their order, such as items or data.results. A result with a status that is not 2xx, or with an error, makes its record a dead letter." example:"items"`
	Index      string            `json:"index,omitempty" default:"{stream}" doc:"For bulk: the index."`
	Table      string            `json:"table,omitempty" default:"{stream}" doc:"For clickhouse: the table."`
	Text       string            `json:"text,omitempty" doc:"For webhook: the text. {name} stands for a field of the record, {name.inner} for one inside of it, {stream} for the stream." example:"{key}: {fields.summary}"`
	TextField  string            `json:"text_field,omitempty" default:"text" doc:"For webhook: the member of the body that holds the text: text for Slack and Mattermost, content for Discord."`
	Deletes    string            `json:"deletes,omitempty" enum:"send,skip" default:"send" doc:"What becomes of deletions. send: bulk deletes the document; the others get a record with \"_op\":\"delete\" and the fields of the key. skip: they are dropped and counted. A webhook tells of none."`
	Health     string            `json:"check,omitempty" doc:"A path at the endpoint that answers GET with 2xx if it is well and the credentials are good. Asked before a run." example:"/health"`
}

const doc = `Sends batches of records to an HTTP endpoint, in the order in which they came, one request at a time.

A batch is kept in a private folder until the host has saved its commit. Then it is sent, with the same bytes under the
same key, until the endpoint has confirmed it. So the endpoint sees nothing that the run takes back, and a batch that it
gets twice has the same key. A run is complete when all of its batches are confirmed. Batches of a run that ends in
another way are sent when it goes on.

Credentials, limits, retries and TLS are those of the block's http block. A reply 429 or 503 with Retry-After pauses the
sink. Redirects are not followed.

bulk: a stream with a primary key is written by it (` + "`_id`" +
	` is the field, or a JSON array of several fields), other
records under an id made of the batch. What Elasticsearch refuses of a batch becomes dead letters. A deletion that names
only a part of the key is rejected.

clickhouse: each batch has an insert_deduplication_token. A Replicated table keeps tokens by itself; any other MergeTree
needs ` + "`SETTINGS non_replicated_deduplication_window = 1000`" + `.

A full run (--full) sends everything again, with new keys: nothing is removed at the endpoint.`

// Plugin returns the sink as a plugin.
func Plugin() sdk.Plugin {
	return sdk.SinkPlugin(sdk.Info{Name: "http", Version: "0.1.0", Doc: doc, PrivateDir: true},
		func(_ context.Context, c Config) (sdk.Sink, error) {
			s, err := newSink(c)
			return s, sdk.Permanent(err)
		})
}

// The formats.
const (
	asJSON     = "json"
	asNDJSON   = "ndjson"
	asRecord   = "record"
	asBulk     = "bulk"
	clickhouse = "clickhouse"
	webhook    = "webhook"
)

const (
	defaultRecords = 1000
	// webhookRecords: a message that is sent again is seen by people, so as few as can be are.
	webhookRecords = 1
)

func newSink(c Config) (*Sink, error) {
	if _, err := url.Parse(c.URL); err != nil {
		return nil, fmt.Errorf("url: %w (placeholders are for its path and its query)", err)
	}
	if err := checkTemplate(c.URL); err != nil {
		return nil, fmt.Errorf("url: %w", err)
	}
	if err := checkHeaders(c); err != nil {
		return nil, err
	}
	for _, s := range slices.Concat(c.Known, c.Refused) {
		if s < 400 || s > 599 {
			return nil, fmt.Errorf("known, refused: %d is no status of a refusal; those are 400 to 599", s)
		}
		if slices.Contains(c.Known, s) && slices.Contains(c.Refused, s) {
			return nil, fmt.Errorf("known, refused: %d is in both", s)
		}
	}
	switch {
	case c.Health != "" && !strings.HasPrefix(c.Health, "/"):
		return nil, fmt.Errorf("check: %q is no path: it begins with /", c.Health)
	case c.Format == webhook && c.Text == "":
		return nil, fmt.Errorf(`text is not set: the format webhook needs it, such as text = "{title}"`)
	case c.Results != "" && c.Format != asJSON && c.Format != asNDJSON:
		return nil, fmt.Errorf("results is for the formats json and ndjson, not for %s", c.Format)
	}
	if c.Format == asBulk || c.Format == clickhouse {
		for _, name := range []string{c.Index, c.Table} {
			if err := checkTemplate(name, "{key}"); err != nil {
				return nil, fmt.Errorf("index, table: %w", err)
			}
		}
	}
	if c.MaxRecords == 0 {
		c.MaxRecords = defaultRecords
		if c.Format == webhook {
			c.MaxRecords = webhookRecords
		}
	}
	return &Sink{Config: c, keys: map[string][]string{}}, nil
}

// hostsOwn are headers that the host sets, or drops.
var hostsOwn = []string{"Authorization", "Cookie", "Host", "User-Agent", "Content-Length", "Connection",
	"Accept-Encoding", "Transfer-Encoding", "Proxy-Authorization"}

func checkHeaders(c Config) error {
	if !httpguts.ValidHeaderFieldName(c.KeyHeader) {
		return fmt.Errorf("key_header: %q is no name of a header", c.KeyHeader)
	}
	for name, value := range c.Headers {
		canonical := http.CanonicalHeaderKey(name)
		switch {
		case !httpguts.ValidHeaderFieldName(name) || !httpguts.ValidHeaderFieldValue(value):
			return fmt.Errorf("headers: %q is no header that can be sent", name)
		case slices.Contains(hostsOwn, canonical):
			return fmt.Errorf(`headers: %s is set by the host; for a credential write http { auth "bearer" `+
				`{ token = env("…") } }`,
				canonical)
		case canonical == http.CanonicalHeaderKey(c.KeyHeader):
			return fmt.Errorf("headers: %s is the header of the idempotency key: key_header names another", canonical)
		}
		if err := checkTemplate(value); err != nil {
			return fmt.Errorf("headers: %s: %w", name, err)
		}
	}
	return nil
}

var placeholder = regexp.MustCompile(`\{[A-Za-z0-9_.-]+\}`)

// checkTemplate refuses placeholders that mean nothing, and those in not.
func checkTemplate(text string, not ...string) error {
	for _, p := range placeholder.FindAllString(text, -1) {
		if p != "{stream}" && p != "{key}" || slices.Contains(not, p) {
			return fmt.Errorf("%s stands for nothing here; there are {stream} and, in requests, {key}", p)
		}
	}
	return nil
}

// Guarantee implements [sdk.Guarantor].
func (s *Sink) Guarantee() sdk.Guarantee {
	switch {
	case s.Format == asBulk:
		return sdk.Guarantee{Delivery: sdk.ExactlyOnce,
			Why: "each document has an id that never changes: a batch that is sent again changes nothing"}
	case s.Format == clickhouse:
		return sdk.Guarantee{Delivery: sdk.ExactlyOnce,
			Why: "ClickHouse drops a batch whose deduplication token it knows: the table must keep tokens"}
	case s.Idempotent:
		return sdk.Guarantee{Delivery: sdk.ExactlyOnce,
			Why: "the endpoint ignores a request whose " + s.KeyHeader + " it knows, and that of a batch never changes"}
	}
	return sdk.Guarantee{Delivery: sdk.AtLeastOnce,
		Why: "a request whose reply is lost is sent again, and idempotent = true does not say " +
			"that the endpoint ignores it"}
}
