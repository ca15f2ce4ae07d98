// Every method of every service, both ways, across the wire.

package rpc

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/scrapekit/scrapekit/sdk"
	"github.com/scrapekit/scrapekit/sdk/host"
)

func TestDescribe(t *testing.T) {
	t.Parallel()
	p := sourceOf(nil)
	p.Doc = "Reads *everything*."
	p.Streams = []sdk.Stream{{Name: "issues", PrimaryKey: []string{"id", "part"}}}
	p.Robots, p.PrivateDir = true, true
	p.Permissions = sdk.Permissions{HTTP: []string{"https://a.b"}, FSRead: []string{"in"}, FSWrite: []string{"out"},
		Dial: []string{"db:1"}, Methods: []string{"POST"}}
	c, end, err := InProcess(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	defer end()
	got, err := c.Describe(t.Context()) // before Configure
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, p.Info) {
		t.Errorf("got  %+v\nwant %+v", got, p.Info)
	}
}

func TestDescribeRefusesPermissionsThatSayNothing(t *testing.T) {
	t.Parallel()
	p := sourceOf(nil)
	p.Permissions.Dial = []string{"everything"}
	c, end, err := InProcess(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	defer end()
	if _, err := c.Describe(t.Context()); err == nil || !sdk.IsPermanent(err) ||
		!strings.Contains(err.Error(), `dial: "everything"`) {
		t.Errorf("got %v", err)
	}
}

func TestConfigureHandsOverTheSettings(t *testing.T) {
	t.Parallel()
	var got string
	p := sourceOf(nil)
	p.New = func(_ context.Context, raw json.RawMessage) (any, error) {
		got = string(raw)
		return &fakeSource{}, nil
	}
	c, end, err := InProcess(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	defer end()
	if _, err := c.Source().Streams(t.Context()); err == nil || !sdk.IsPermanent(err) {
		t.Errorf("Streams before Configure: %v, want a permanent error", err)
	}
	if _, err := c.Configure(t.Context(), json.RawMessage(`{"url":"x"}`)); err != nil {
		t.Fatal(err)
	}
	if got != `{"url":"x"}` {
		t.Errorf("the plugin got the settings %s", got)
	}
	if _, err := c.Configure(t.Context(), nil); err == nil {
		t.Error("a second Configure passed")
	}
}

func TestConfigureRefusesAValueOfAnotherKind(t *testing.T) {
	t.Parallel()
	c, end, err := InProcess(t.Context(), pluginOf(sdk.KindSink, &fakeSource{}))
	if err != nil {
		t.Fatal(err)
	}
	defer end()
	if _, err := c.Configure(t.Context(), nil); !sdk.IsPermanent(err) {
		t.Errorf("got %v, want a permanent error", err)
	}
}

func TestSourceStreamsAndPlan(t *testing.T) {
	t.Parallel()
	src := connect(t, sourceOf(nil), sdk.Host{}).Source()
	streams, err := src.Streams(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if want, _ := new(fakeSource).Streams(t.Context()); !reflect.DeepEqual(streams, want) {
		t.Errorf("got  %+v\nwant %+v", streams, want)
	}
	previous := []sdk.Split{
		{ID: "a", Stream: "issues", Data: json.RawMessage(`{"n":1}`), Cursor: []byte{0, 255}, Estimate: 7},
		{ID: "b", Cursor: []byte{}},
		{ID: "c"},
	}
	splits, err := src.Plan(t.Context(), sdk.Plan{Streams: []string{"issues"}, Previous: previous})
	if err != nil {
		t.Fatal(err)
	}
	if want := append(previous, sdk.Split{ID: "new issues", Stream: "issues"}); !reflect.DeepEqual(splits, want) {
		t.Errorf("got  %+v\nwant %+v", splits, want)
	}
}

func TestReadPassesEveryEventInOrder(t *testing.T) {
	t.Parallel()
	c := connect(t, sourceOf(func(_ context.Context, s sdk.Split, w *sdk.Writer) error {
		return errors.Join(
			w.Emit("issues", map[string]any{"from": string(s.Cursor)}),
			w.Delete("issues", map[string]any{"id": 1}),
			w.Reject("issues", []byte("{"), "not valid JSON"),
			w.Split(sdk.Split{ID: "more", Stream: "logs", Data: json.RawMessage(`1`), Estimate: 3}),
			w.Cursor(map[string]int{"page": 2}),
			w.Cursor([]byte{}),
			w.EmitJSON("logs", []byte(`{"a": 1}`)),
		)
	}), sdk.Host{})
	out := &recorder{}
	err := c.Source().Read(t.Context(), sdk.Split{ID: "s", Cursor: []byte("c7")}, sdk.NewWriter(out))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		`batch issues upsert 1 {"from":"c7"}` + "\n",
		"reject issues {: not valid JSON",
		"split more logs 1  3",
		`batch issues delete 1 {"id":1}` + "\n",
		`cursor {"page":2}`,
		"cursor ",
		`batch logs upsert 1 {"a": 1}` + "\n",
	}
	if !slices.Equal(out.events, want) {
		t.Errorf("got  %q\nwant %q", out.events, want)
	}
}

func TestReadEndsWithTheWritersError(t *testing.T) {
	t.Parallel()
	ended := make(chan error, 1)
	c := connect(t, sourceOf(func(ctx context.Context, _ sdk.Split, w *sdk.Writer) error {
		for {
			if err := w.Batch(batchOf(1<<20, 100)); err != nil {
				ended <- err
				return err
			}
		}
	}), sdk.Host{})
	full := errors.New("the disk is full")
	err := c.Source().Read(t.Context(), sdk.Split{ID: "s"}, sdk.NewWriter(&recorder{fail: full}))
	if !errors.Is(err, full) {
		t.Errorf("got %v, want %v", err, full)
	}
	<-ended // the plugin's Read is told to end
}

func TestReadRefusesABatchThatLies(t *testing.T) {
	t.Parallel()
	for name, b := range map[string]sdk.Batch{
		"count":   {Stream: "a", Count: 2, Payload: []byte("{}\n")},
		"newline": {Stream: "a", Count: 1, Payload: []byte("{}\n{}")},
		"none":    {Stream: "a", Count: 0, Payload: []byte("{}")},
		"stream":  {Count: 1, Payload: []byte("{}\n")},
		"lone":    {Stream: "a", Count: 1, Payload: []byte("\n")},
		"leading": {Stream: "a", Count: 2, Payload: []byte("\n{}\n")},
		"empty":   {Stream: "a", Count: 3, Payload: []byte("{}\n\n{}\n")},
		"long":    {Stream: "a", Count: 2, Payload: append(bytes.Repeat([]byte("1"), sdk.MaxRecord+1), "\n{}\n"...)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := connect(t, sourceOf(func(_ context.Context, _ sdk.Split, w *sdk.Writer) error { return w.Batch(b) }),
				sdk.Host{})
			out := &recorder{}
			err := c.Source().Read(t.Context(), sdk.Split{ID: "s"}, sdk.NewWriter(out))
			if !sdk.IsPermanent(err) || out.records > 0 || len(out.events) > 0 {
				t.Errorf("got %v and %d records, want a permanent error and nothing delivered", err, out.records)
			}
		})
	}
}

// doubler gives each batch twice, rejects one record of it, and counts.
type doubler struct{}

func (doubler) Transform(ctx context.Context, b sdk.Batch) ([]sdk.Batch, error) {
	sdk.Count(ctx, "seen/batch", 1)
	second := b
	second.Stream, second.Op = "twin", sdk.Delete
	return []sdk.Batch{b, {Stream: "empty"}, second},
		sdk.Rejects{{Stream: b.Stream, Record: []byte("r"), Reason: "odd: r"}}
}

func TestTransform(t *testing.T) {
	t.Parallel()
	var counted tally
	c := connect(t, pluginOf(sdk.KindTransform, doubler{}), sdk.Host{})
	in := sdk.Batch{Stream: "issues", Count: 1, Payload: []byte("{}\n")}
	ctx := sdk.Host{Count: counted.count}.In(t.Context())
	out, err := c.Transform().Transform(ctx, in)
	var rejects sdk.Rejects
	if !errors.As(err, &rejects) || !reflect.DeepEqual(rejects,
		sdk.Rejects{{Stream: "issues", Record: []byte("r"), Reason: "odd: r"}}) {
		t.Errorf("rejects: %v", err)
	}
	want := []sdk.Batch{in, {Stream: "twin", Op: sdk.Delete, Count: 1, Payload: in.Payload}}
	if !reflect.DeepEqual(out, want) {
		t.Errorf("got  %v\nwant %v", out, want)
	}
	if n := counted.get("seen/batch"); n != 1 {
		t.Errorf("counted %d, want 1", n)
	}
}

// Optional interfaces, to be put together in every way that is allowed.
type (
	opener   struct{ got *sdk.Start }
	commits  struct{}
	streamer struct{}
)

func (o opener) Open(_ context.Context, s sdk.Start) error { *o.got = s; return nil }
func (commits) Commit(context.Context) (sdk.Token, error)  { return nil, nil }
func (streamer) OutStreams(_ context.Context, in []sdk.Stream) ([]sdk.Stream, error) {
	return append(in, sdk.Stream{Name: "twin"}), nil
}

func TestTransformHasWhatThePluginHas(t *testing.T) {
	t.Parallel()
	o := opener{new(sdk.Start)}
	for name, v := range map[string]sdk.Transform{
		"nothing": doubler{},
		"open": struct {
			doubler
			opener
		}{opener: o},
		"streams": struct {
			doubler
			streamer
		}{},
		"open, streams": struct {
			doubler
			opener
			streamer
		}{opener: o},
		"open, commit": struct {
			doubler
			opener
			commits
		}{opener: o},
		"all": struct {
			doubler
			opener
			commits
			streamer
		}{opener: o},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := connect(t, pluginOf(sdk.KindTransform, v), sdk.Host{}).Transform()
			sameAbilities(t, v, got)
		})
	}
}

// sameAbilities fails unless both values can do the same.
func sameAbilities(t *testing.T, plugin, hosts any) {
	t.Helper()
	want, got := host.AbilitiesOf(plugin), host.AbilitiesOf(hosts)
	has := func(a host.Abilities) [5]bool {
		return [5]bool{a.Open != nil, a.Finish != nil, a.Commit != nil, a.OutStreams != nil, a.Parallel}
	}
	if has(got) != has(want) {
		t.Errorf("the host's value can open, finish, commit, name streams, write in parallel: %v, the plugin's: %v",
			has(got), has(want))
	}
}

func TestStatefulTransform(t *testing.T) {
	t.Parallel()
	o := opener{new(sdk.Start)}
	v := struct {
		doubler
		opener
		commits
		streamer
	}{opener: o}
	tr := connect(t, pluginOf(sdk.KindTransform, v), sdk.Host{}).Transform()
	start := sdk.Start{
		Pipeline: "ours", Seat: 3, Epoch: 1 << 40, Dir: "/state/stages/transform.x", Run: "r1",
		Started: time.Date(2026, 5, 1, 12, 0, 0, 5, time.UTC), Token: sdk.Token{1, 0},
		Resume: true, Full: true, Streams: []sdk.Stream{{Name: "issues"}},
	}
	if err := host.AbilitiesOf(tr).Open(t.Context(), start); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(*o.got, start) {
		t.Errorf("got  %+v\nwant %+v", *o.got, start)
	}
	token, err := host.AbilitiesOf(tr).Commit(t.Context())
	if err != nil || token == nil {
		t.Errorf("Commit gave %v, %v; a token is never nil, that would mean that there was no commit", token, err)
	}
	streams, err := host.AbilitiesOf(tr).OutStreams(t.Context(), start.Streams)
	if err != nil || len(streams) != 2 || streams[1].Name != "twin" {
		t.Errorf("OutStreams gave %v, %v", streams, err)
	}
}

func TestCommitWithoutOpenIsRefused(t *testing.T) {
	t.Parallel()
	c, end, err := InProcess(t.Context(), pluginOf(sdk.KindTransform, struct {
		doubler
		commits
	}{}))
	if err != nil {
		t.Fatal(err)
	}
	defer end()
	if _, err := c.Configure(t.Context(), nil); !sdk.IsPermanent(err) {
		t.Errorf("got %v, want a permanent error", err)
	}
}

type finisher struct{ got *sdk.End }

func (f finisher) Finish(_ context.Context, e sdk.End) error { *f.got = e; return nil }

func TestFinish(t *testing.T) {
	t.Parallel()
	f := finisher{new(sdk.End)}
	sink := connect(t, sinkOf(struct {
		*memorySink
		finisher
	}{new(memorySink), f}), sdk.Host{}).Sink()
	want := sdk.End{Run: "r1", Full: true, Rejected: true}
	if err := host.AbilitiesOf(sink).Finish(t.Context(), want); err != nil || *f.got != want {
		t.Errorf("got %+v, %v; want %+v", *f.got, err, want)
	}
}

type parallelSink struct {
	memorySink
	opener
}

func (*parallelSink) ParallelWrites() bool { return true }

func TestSink(t *testing.T) {
	t.Parallel()
	fake := &parallelSink{opener: opener{new(sdk.Start)}}
	sink := connect(t, sinkOf(fake), sdk.Host{}).Sink()
	if err := host.AbilitiesOf(sink).Open(t.Context(), sdk.Start{Run: "r", Token: sdk.Token{}}); err != nil {
		t.Fatal(err)
	}
	if fake.got.Token == nil || !fake.got.Started.IsZero() {
		t.Errorf("got %+v, want an empty token that is not nil, and no time", *fake.got)
	}
	if !host.AbilitiesOf(sink).Parallel {
		t.Error("the sink takes parallel writes, but the host does not know")
	}
	if err := sink.Write(t.Context(), batchOf(1000, 100)); err != nil {
		t.Fatal(err)
	}
	token, err := sink.Commit(t.Context())
	if err != nil || string(token) != "9" && string(token) != "10" {
		t.Errorf("Commit gave %q, %v", token, err)
	}
	for name, v := range map[string]sdk.Sink{
		"opener": struct{ *parallelSink }{fake},
		"finisher": struct {
			*memorySink
			finisher
		}{memorySink: new(memorySink)},
		"both": struct {
			*parallelSink
			finisher
		}{parallelSink: fake},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := connect(t, sinkOf(v), sdk.Host{}).Sink()
			sameAbilities(t, v, got)
		})
	}
	plain := connect(t, sinkOf(&memorySink{}), sdk.Host{}).Sink()
	sameAbilities(t, &memorySink{}, plain)
	if host.AbilitiesOf(plain).Parallel {
		t.Error("a plain sink takes no parallel writes")
	}
}

func TestTheLongestRecordPasses(t *testing.T) {
	t.Parallel()
	payload := append(bytes.Repeat([]byte("x"), sdk.MaxRecord), '\n')
	b := sdk.Batch{Stream: "issues", Count: 1, Payload: payload}
	echo := connect(t, pluginOf(sdk.KindTransform, echoes{}), sdk.Host{}).Transform()
	out, err := echo.Transform(t.Context(), b)
	if err != nil {
		t.Fatal(err)
	}
	if len(out) != 1 || !bytes.Equal(out[0].Payload, payload) {
		t.Error("the batch came back changed")
	}
	b.Payload = append(bytes.Repeat([]byte("x"), MaxMessage), '\n')
	if _, err := echo.Transform(t.Context(), b); !sdk.IsPermanent(err) {
		t.Errorf("a message over the limit: %v, want a permanent error", err)
	}
}

type echoes struct{}

func (echoes) Transform(_ context.Context, b sdk.Batch) ([]sdk.Batch, error) {
	return []sdk.Batch{b}, nil
}

type checkedSink struct {
	memorySink
	checked, closed bool
}

func (c *checkedSink) Check(context.Context) error { c.checked = true; return nil }
func (c *checkedSink) Close() error                { c.closed = true; return errors.New("the file is gone") }

func TestCheckAndDrain(t *testing.T) {
	t.Parallel()
	fake := &checkedSink{}
	c := connect(t, sinkOf(fake), sdk.Host{})
	if f := c.configured(); f != (Features{Check: true, Guarantee: f.Guarantee}) {
		t.Errorf("features: %+v", f)
	}
	if err := c.Check(t.Context()); err != nil || !fake.checked {
		t.Errorf("Check: %v, called: %v", err, fake.checked)
	}
	if err := c.Drain(t.Context()); err == nil || err.Error() != "the file is gone" || !fake.closed {
		t.Errorf("Drain: %v, closed: %v", err, fake.closed)
	}
	if err := c.Sink().Write(t.Context(), batchOf(100, 50)); err == nil || errors.As(err, new(*LostError)) {
		t.Errorf("a Write after Drain: %v, want the plugin's refusal", err)
	}
}

func TestDrainEndsCallsUnderWay(t *testing.T) {
	t.Parallel()
	reading := make(chan struct{})
	c := connect(t, sourceOf(func(ctx context.Context, _ sdk.Split, _ *sdk.Writer) error {
		close(reading)
		<-ctx.Done()
		return ctx.Err()
	}), sdk.Host{})
	ended := make(chan error, 1)
	go func() {
		ended <- c.Source().Read(context.Background(), sdk.Split{ID: "s"}, sdk.NewWriter(&recorder{}))
	}()
	<-reading
	if err := c.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err == nil || err.Error() != errDraining.Error() {
		t.Errorf("Read ended with %v", err)
	}
}
