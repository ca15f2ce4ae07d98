// Sending: one request at a time, and what its reply says of the records.

package httpsink

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/scrapekit/scrapekit/sdk"
	"github.com/scrapekit/scrapekit/sdk/outbox"
	"github.com/scrapekit/scrapekit/sdk/reply"
)

// send delivers a batch of the outbox. The error is of type [sdk.Rejects] if the endpoint has taken
// all but these records.
func (s *Sink) send(ctx context.Context, item outbox.Item) error {
	sealed, err := item.Payload()
	if err != nil {
		return err
	}
	b, err := batchOf(sealed)
	if err != nil {
		return err
	}
	var all sdk.Rejects
	for _, p := range b.parts(item.ID) {
		rejects, err := s.sendPart(ctx, b, p)
		if err != nil {
			return fmt.Errorf("%s: %w; %w", b.Stream, err, errNotSent)
		}
		all = append(all, rejects...)
	}
	return all.Err()
}

func (s *Sink) sendPart(ctx context.Context, b *batch, p part) (sdk.Rejects, error) {
	body, err := b.body(p)
	if err != nil {
		return nil, err
	}
	u, err := s.urlOf(b.Stream, p.key)
	if err != nil {
		return nil, sdk.Permanent(err)
	}
	req, err := http.NewRequestWithContext(s.hints(ctx, b.Form.Format), s.Method, u.String(), bytes.NewReader(body))
	if err != nil {
		return nil, sdk.Permanent(err)
	}
	req.Header.Set("Content-Type", contentTypes[b.Form.Format])
	for name, value := range s.Headers {
		req.Header.Set(name, expand(value, b.Stream, p.key, plain))
	}
	req.Header.Set(s.KeyHeader, p.key)
	resp, answer, err := exchange(req) //nolint:bodyclose // it is closed there
	if err != nil {
		return nil, err
	}
	return s.judge(b, p, resp, answer)
}

// hints tell the host what replies mean. A request may always be sent again: it has a key, and if
// the endpoint does not know keys, it is sent again all the same until it is confirmed.
func (s *Sink) hints(ctx context.Context, format string) context.Context {
	ctx = sdk.Idempotent(ctx)
	for _, status := range slices.Concat(s.Known, s.Refused) {
		ctx = reply.Final(ctx, status)
	}
	if !s.says(http.StatusConflict) {
		ctx = reply.Temporary(ctx, http.StatusConflict) // an attempt before is under way
	}
	if format == asBulk {
		ctx = reply.Temporary(ctx, http.StatusOK, `"status":429`, `"status":503`)
	}
	return ctx
}

// says reports whether the settings say what a status means.
func (s *Sink) says(status int) bool {
	return slices.Contains(s.Known, status) || slices.Contains(s.Refused, status)
}

// exchange sends a request and reads the reply. It follows no redirect: one would turn a POST into
// a GET, and its good reply would confirm nothing.
func exchange(req *http.Request) (*http.Response, []byte, error) {
	client := sdk.HTTPClient(req.Context())
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	resp, err := client.Do(req)
	if err != nil {
		return nil, nil, err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, nil, fmt.Errorf("%s %s: %w", req.Method, req.URL.Redacted(), err)
	}
	return resp, answer, nil
}

// judge says which records of a request were refused; an error says that nothing is known to be
// taken.
func (s *Sink) judge(b *batch, p part, resp *http.Response, answer []byte) (sdk.Rejects, error) {
	status := resp.StatusCode
	switch {
	case slices.Contains(s.Known, status):
		return nil, nil
	case slices.Contains(s.Refused, status):
		return b.rejected(fmt.Sprintf("%d %s: %s", status, http.StatusText(status), beginning(answer)), p.records...),
			nil
	case status == http.StatusConflict:
		return nil, late(resp, errors.New(
			"the endpoint says that the request is under way, or known: if known, set known = [409]"))
	case status < 200 || status > 299:
		return nil, refusal(resp, answer)
	}
	switch b.Form.Format {
	case asBulk:
		return b.bulkReply(p, resp, answer)
	case clickhouse:
		if code := resp.Header.Get("X-ClickHouse-Exception-Code"); code != "" {
			return nil, late(resp, fmt.Errorf("ClickHouse has failed with code %s: %s", code, beginning(answer)))
		}
		return nil, nil
	}
	var said struct {
		OK *bool `json:"ok"`
	}
	if json.Unmarshal(answer, &said) == nil && said.OK != nil && !*said.OK {
		return nil, late(resp, fmt.Errorf(`"ok" is false in the reply: %s`, beginning(answer)))
	}
	if s.Results == "" {
		return nil, nil
	}
	return b.results(p, resp, answer, strings.Split(s.Results, "."))
}

// result is what a reply says of one record.
type result struct {
	Status int             `json:"status"`
	Error  json.RawMessage `json:"error"`
}

func (r result) good() bool {
	bad := len(r.Error) > 0 && string(r.Error) != "null"
	return r.Status >= 200 && r.Status <= 299 || r.Status == 0 && !bad
}

func (r result) reason() string {
	what := fmt.Sprintf("refused by the endpoint (%d)", r.Status)
	if r.Status == 0 {
		what = "refused by the endpoint"
	}
	if len(r.Error) > 0 {
		what += ": " + beginning([]byte(plainText(r.Error)))
	}
	return what
}

// results maps a list of results to the records of a request.
func (b *batch) results(p part, resp *http.Response, answer []byte, path []string) (sdk.Rejects, error) {
	value := answer
	for _, name := range path {
		var members map[string]json.RawMessage
		if err := json.Unmarshal(value, &members); err != nil {
			return nil, late(resp, fmt.Errorf("the reply has no %s: %s", strings.Join(path, "."), beginning(answer)))
		}
		value = members[name]
	}
	var results []result
	if err := json.Unmarshal(value, &results); err != nil || len(results) != len(p.records) {
		return nil, late(resp, fmt.Errorf("the reply has %d results in %s for %d records: %s", len(results),
			strings.Join(path, "."), len(p.records), beginning(answer)))
	}
	var out sdk.Rejects
	for i, r := range results {
		if !r.good() {
			out = append(out, b.rejected(r.reason(), p.records[i])...)
		}
	}
	return out, nil
}

// bulkReply maps the items of a reply of the bulk API to the records. A document that is there
// already under the id of its batch was taken by an earlier attempt.
func (b *batch) bulkReply(p part, resp *http.Response, answer []byte) (sdk.Rejects, error) {
	var said struct {
		Errors *bool               `json:"errors"`
		Items  []map[string]result `json:"items"`
	}
	if err := json.Unmarshal(answer, &said); err != nil || said.Errors == nil || len(said.Items) != len(p.records) {
		return nil, late(resp, fmt.Errorf("no reply of the bulk API for %d records: %s", len(p.records),
			beginning(answer)))
	}
	var out sdk.Rejects
	for i, item := range said.Items {
		if len(item) != 1 {
			return nil, late(resp, fmt.Errorf("item %d of the reply says nothing: %s", i+1, beginning(answer)))
		}
		for did, r := range item {
			switch {
			case r.Status == 0:
				return nil, late(resp, fmt.Errorf("item %d of the reply has no status: %s", i+1, beginning(answer)))
			case r.good(), did == "create" && r.Status == http.StatusConflict,
				did == "delete" && r.Status == http.StatusNotFound:
			case r.Status == http.StatusTooManyRequests, r.Status >= 500:
				return nil, late(resp, fmt.Errorf("a document was refused for now: %s", r.reason()))
			case r.Status == http.StatusUnauthorized, r.Status == http.StatusForbidden, r.Status == http.StatusNotFound:
				return nil, sdk.Permanent(fmt.Errorf("the index %s cannot be written: %s", b.Form.Index, r.reason()))
			default:
				out = append(out, b.rejected(r.reason(), p.records[i])...)
			}
		}
	}
	return out, nil
}

// late is a temporary error about a reply.
func late(resp *http.Response, err error) error {
	return fmt.Errorf("%s %s: %s: %w", resp.Request.Method, resp.Request.URL.Redacted(), resp.Status, err)
}

// beginning is as much of a reply as a message can bear, on one line.
func beginning(text []byte) string {
	const shown = 300
	out := strings.Join(strings.Fields(string(bytes.ToValidUTF8(text[:min(len(text), shown)], []byte("�")))), " ")
	if len(text) > shown {
		out += "…"
	}
	return out
}

// Check implements [sdk.Checker]: the endpoint can be reached, and takes the credentials. What else
// an endpoint says to a HEAD is not about its batches.
func (s *Sink) Check(ctx context.Context) error {
	u, err := s.urlOf("check", "check")
	if err != nil {
		return sdk.Permanent(err)
	}
	method, good := http.MethodHead, func(status int) bool {
		return !slices.Contains([]int{http.StatusUnauthorized, http.StatusProxyAuthRequired, http.StatusBadGateway,
			http.StatusServiceUnavailable, http.StatusGatewayTimeout}, status)
	}
	ok := func(status int) bool { return status >= 200 && status <= 299 }
	switch {
	case s.Health != "":
		method, good = http.MethodGet, ok
		path, query, _ := strings.Cut(s.Health, "?")
		u.Path, u.RawPath, u.RawQuery = path, "", query
	case s.Format == clickhouse:
		method, good = http.MethodGet, ok
		set(u, "query", "SELECT 1")
	case s.Format == asBulk:
		u.Path, u.RawPath, u.RawQuery = strings.TrimSuffix(u.Path, "_bulk"), "", ""
	}
	req, err := http.NewRequestWithContext(ctx, method, u.String(), nil)
	if err != nil {
		return sdk.Permanent(err)
	}
	resp, answer, err := exchange(req) //nolint:bodyclose // it is closed there
	if err != nil || good(resp.StatusCode) {
		return err
	}
	return refusal(resp, answer)
}

// refusal is the error of a reply that is not 2xx.
func refusal(resp *http.Response, answer []byte) error {
	if resp.StatusCode >= 300 && resp.StatusCode <= 399 {
		return sdk.Permanent(fmt.Errorf("%s %s: %s, to %q: redirects are not followed: set url to the new address",
			resp.Request.Method, resp.Request.URL.Redacted(), resp.Status, resp.Header.Get("Location")))
	}
	return sdk.ReplyError(resp, answer)
}
