// Mutants: plugins that are wrong in one way each. The checks have to find each of them, and each
// by the check for it.

package plugintest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/scrapekit/scrapekit/sdk"
	"github.com/scrapekit/scrapekit/sdk/conformance"
)

// mutant is a plugin, by what it does wrong.
type mutant struct {
	kind  sdk.Kind
	check string   // which must find it
	also  []string // which find it too, for the same reason
	// slow mutants wait for calls beside theirs, or are waited for: they meet their own check
	// alone.
	slow bool
}

// byWire says of checks why no plugin in a process of its own can fail them.
var byWire = map[string]string{
	"output fails": "across the wire the host itself ends the Read; see sdktest's own wrong plugins",
}

const (
	source    = sdk.KindSource
	transform = sdk.KindTransform
	sink      = sdk.KindSink
)

var mutants = map[string]mutant{
	"prints before the handshake":        {kind: source, check: "handshake"},
	"says it speaks any version":         {kind: source, check: "versions"},
	"ends by hand as if all were well":   {kind: source, check: "by hand"},
	"dies of a signal":                   {kind: source, check: "signals"},
	"has no doc":                         {kind: source, check: "describe"},
	"takes any setting":                  {kind: source, check: "settings"},
	"plans a split twice":                {kind: source, check: "plan"},
	"is not the same twice":              {kind: source, check: "read"},
	"repeats a record when it resumes":   {kind: source, check: "resume", also: []string{"killed"}},
	"mixes up splits":                    {kind: source, check: "splits at once", slow: true},
	"hangs when it is cancelled":         {kind: source, check: "cancel", also: []string{"output fails"}, slow: true},
	"trusts a file more than its cursor": {kind: source, check: "killed", also: []string{"cancel", "output fails"}},
	"hides the class of errors":          {kind: source, check: "error classes"},
	"takes a rate limit for final":       {kind: source, check: "rate limit"},
	"takes an error for the end":         {kind: source, check: "bad replies"},
	"panics at a strange reply":          {kind: source, check: "strange replies"},
	"drops characters":                   {kind: source, check: "odd texts"},
	"emits another stream":               {kind: transform, check: "transform"},
	"depends on the process":             {kind: transform, check: "again", also: []string{"junk", "at once"}},
	"refuses the batch for a record":     {kind: transform, check: "junk"},
	"takes no huge record":               {kind: transform, check: "huge record"},
	"forgets its state":                  {kind: transform, check: "back to a token"},
	"mixes up batches":                   {kind: transform, check: "at once", slow: true},
	"promises and does not say why":      {kind: sink, check: "guarantee"},
	"writes a trailer at the end":        {kind: sink, check: "commit"},
	"forgets all in an empty commit":     {kind: sink, check: "back to a token", also: []string{"next run", "random"}},
	"keeps what was never committed": {kind: sink, check: "killed before any commit",
		also: []string{"lost token", "full run", "random"}},
	"knows its newest token only":     {kind: sink, check: "lost token", also: []string{"random"}},
	"ends a run twice":                {kind: sink, check: "finish"},
	"shuts nobody out":                {kind: sink, check: "fenced"},
	"begins each run anew":            {kind: sink, check: "next run"},
	"does not start over":             {kind: sink, check: "full run"},
	"has room for few streams":        {kind: sink, check: "many streams"},
	"fails the batch for a record":    {kind: sink, check: "bad records"},
	"writes no huge record":           {kind: sink, check: "huge record"},
	"deletes by whole keys only":      {kind: sink, check: "deletions"},
	"takes any token":                 {kind: sink, check: "foreign token"},
	"loses records that come at once": {kind: sink, check: "parallel", slow: true},
	"does not bring one stream back":  {kind: sink, check: "random"},
}

// mutantPlugin makes a mutant; "" is right.
func mutantPlugin(kind sdk.Kind, mode string) sdk.Plugin {
	info := sdk.Info{Name: "mutant", Version: "1.0.0", Doc: "A plugin that is wrong in one way."}
	if mode == "has no doc" {
		info.Doc = ""
	}
	var p sdk.Plugin
	switch kind {
	case source:
		p = sdk.SourcePlugin(info, func(_ context.Context, c mutantSettings) (sdk.Source, error) {
			if mode == "dies of a signal" {
				dieOfSignals()
			}
			return &mutantSource{mode: mode, mutantSettings: c}, nil
		})
	case transform:
		p = sdk.TransformPlugin(info, func(context.Context, struct{}) (sdk.Transform,
			error) {
			return newMutantTransform(mode), nil
		})
	default:
		p = sdk.SinkPlugin(info, func(ctx context.Context, c mutantSettings) (sdk.Sink, error) {
			s := &mutantSink{mode: mode, dir: c.Dir, server: c.Server, dialer: sdk.DialerOf(ctx)}
			switch mode {
			case "ends a run twice":
				return finishingSink{s}, nil
			case "loses records that come at once":
				return parallelSink{s}, nil
			case "promises and does not say why":
				return promisingSink{s}, nil
			}
			return s, nil
		})
	}
	if mode == "takes any setting" {
		p.New = func(context.Context, json.RawMessage) (any, error) { return &mutantSource{mode: mode}, nil }
	}
	return p
}

func dieOfSignals() {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-signals
		os.Exit(1)
	}()
}

type mutantSettings struct {
	Dir    string `json:"dir" path:"true" doc:"A folder of its own."`
	Server string `json:"server" dial:"true" doc:"What writes for it."`
}

// company notices calls that run at the same time.
type company struct{ active, met atomic.Int32 }

// enter begins a call. With wait it stays for a while, for another to come. alone is false if one
// ran beside it, or came.
func (c *company) enter(wait bool) (alone bool, leave func()) {
	met := c.met.Load()
	if c.active.Add(1) > 1 {
		c.met.Add(1)
	}
	for late := time.Now().Add(time.Second); wait && c.met.Load() == met && time.Now().Before(late); {
		time.Sleep(time.Millisecond)
	}
	return c.met.Load() == met, func() { c.active.Add(-1) }
}

// mutantSource reads two lists, three items a page, as examples/source-forum does.
type mutantSource struct {
	mode string
	mutantSettings
	company
}

func (*mutantSource) Streams(context.Context) ([]sdk.Stream, error) {
	return []sdk.Stream{{Name: "posts", PrimaryKey: []string{"id"}}, {Name: "users", PrimaryKey: []string{"id"}}}, nil
}

func (s *mutantSource) Plan(_ context.Context, p sdk.Plan) ([]sdk.Split, error) {
	splits := p.Splits()
	if s.mode == "plans a split twice" {
		splits = append(splits, splits[0])
	}
	return splits, nil
}

func (s *mutantSource) Read(ctx context.Context, split sdk.Split, w *sdk.Writer) error {
	alone, leave := s.enter(s.mode == "mixes up splits")
	defer leave()
	at, err := sdk.CursorOf(split, 1)
	if err != nil {
		return err
	}
	if s.mode == "trusts a file more than its cursor" {
		file := filepath.Join(s.Dir, split.ID)
		if raw, err := os.ReadFile(file); err == nil {
			at = int(raw[0] - '0')
		}
		defer os.Remove(file)
	}
	if s.mode == "repeats a record when it resumes" && at == 3 {
		if err := w.EmitJSON(split.Stream, json.RawMessage(`{"id":6}`)); err != nil {
			return err
		}
	}
	for ; ; at++ {
		items, err := s.page(ctx, split.Stream, at)
		if ctx.Err() != nil && s.mode == "hangs when it is cancelled" {
			select {}
		}
		if err != nil || len(items) == 0 {
			return err
		}
		if s.mode == "is not the same twice" || s.mode == "mixes up splits" && !alone {
			items = append(items, json.RawMessage(fmt.Sprintf(`{"id":%d}`, time.Now().UnixNano())))
		}
		if s.mode == "trusts a file more than its cursor" {
			if err := os.WriteFile(filepath.Join(s.Dir, split.ID), []byte{byte('0' + at + 2)}, 0o644); err != nil {
				return err
			}
		}
		if err := w.EmitPage(split.Stream, items, at+1); err != nil {
			return err
		}
	}
}

// page asks for one page. It is where most of what can be wrong with a source is.
func (s *mutantSource) page(ctx context.Context, stream string, n int) ([]json.RawMessage, error) {
	var page struct{ Items []json.RawMessage }
	err := sdk.GetJSON(ctx, pageURL(stream, n), &page)
	text := ""
	if err != nil {
		text = err.Error()
	}
	switch s.mode {
	case "hides the class of errors":
		if err != nil {
			return nil, errors.New(text)
		}
	case "takes a rate limit for final":
		if strings.Contains(text, "429") {
			return nil, sdk.Permanent(err)
		}
	case "takes an error for the end":
		if strings.Contains(text, ": 500") {
			return nil, nil
		}
	case "panics at a strange reply":
		if strings.Contains(text, "[null]") {
			return page.Items[:7], nil
		}
	case "drops characters":
		for i, item := range page.Items {
			page.Items[i] = json.RawMessage(strings.ReplaceAll(string(item), `\u2028`, ""))
		}
	}
	return page.Items, err
}

func pageURL(stream string, n int) string {
	return "https://mutant.test/" + stream + "/" + string(rune('0'+n))
}

// mutantRemote is the system that the mutants read.
type mutantRemote struct{}

func (mutantRemote) RoundTrip(req *http.Request) (*http.Response, error) {
	items := map[string]string{
		"/posts/1": `{"id":1,"text":"the first post"},{"id":2,"text":"the second post"},{"id":3}`,
		"/posts/2": `{"id":4},{"id":5},{"id":6}`, "/posts/3": `{"id":7}`,
		"/users/1": `{"id":1,"name":"Ann"},{"id":2,"name":"Bob"}`,
	}[req.URL.Path]
	reply := httptest.NewRecorder()
	reply.Header().Set("Content-Type", "application/json")
	_, err := reply.WriteString(`{"items":[` + items + `]}`)
	resp := reply.Result()
	resp.Request = req
	return resp, err
}

// mutantTransform marks each record, or numbers them where it keeps state.
type mutantTransform struct {
	mode string
	company
	n int
}

func newMutantTransform(mode string) sdk.Transform {
	x := &mutantTransform{mode: mode}
	if mode == "" || mode == "mixes up batches" || mutants[mode].check != "back to a token" {
		return x
	}
	return &countingTransform{x}
}

func (*mutantTransform) OutStreams(context.Context, []sdk.Stream) ([]sdk.Stream, error) {
	return []sdk.Stream{{Name: "marked"}}, nil
}

func (x *mutantTransform) Transform(_ context.Context, b sdk.Batch) ([]sdk.Batch, error) {
	alone, leave := x.enter(x.mode == "mixes up batches")
	defer leave()
	var out sdk.Builder
	var rejects sdk.Rejects
	stream := "marked"
	if x.mode == "emits another stream" {
		stream = "other"
	}
	if x.mode == "takes no huge record" && len(b.Payload) > 4<<20 {
		return nil, errors.New("received message larger than max")
	}
	for record := range b.Records() {
		var fields map[string]any
		if err := json.Unmarshal(record, &fields); err != nil || fields == nil {
			if x.mode == "refuses the batch for a record" {
				return nil, errors.New("not a record")
			}
			rejects = append(rejects, sdk.Reject{Stream: b.Stream, Record: record, Reason: "not a record"})
			continue
		}
		fields["marked"] = true
		switch {
		case x.mode == "depends on the process":
			fields["process"] = started.String()
		case x.mode == "mixes up batches" && !alone:
			fields["alone"] = alone
		case x.mode == "forgets its state":
			x.n++
			fields["n"] = x.n
		}
		if err := out.Add(stream, fields); err != nil {
			return nil, err
		}
	}
	return out.Flush(), rejects.Err()
}

var started = time.Now()

// countingTransform keeps its count.
type countingTransform struct{ *mutantTransform }

func (c *countingTransform) Open(context.Context, sdk.Start) error { return nil } // its token is not looked at

func (c *countingTransform) Commit(context.Context) (sdk.Token, error) { return json.Marshal(c.n) }

func mutantInput() *conformance.TransformCase {
	batch := func(lines ...string) sdk.Batch {
		return sdk.Batch{Stream: "in", Count: len(lines), Payload: []byte(strings.Join(lines, "\n") + "\n")}
	}
	return &conformance.TransformCase{Input: []sdk.Batch{batch(`{"id":1}`, `{"id":2}`), batch(`{"id":3}`)}}
}

// may reports whether a mutant may fail a check.
func (m mutant) may(check string) bool { return check == m.check || slices.Contains(m.also, check) }
