// Errors across the wire: text, class, cancellation, a connection that breaks.

package rpc

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/scrapekit/scrapekit/sdk"
	"github.com/scrapekit/scrapekit/sdk/host"
	"github.com/scrapekit/scrapekit/sdk/rpc/internal/convert"
	"github.com/scrapekit/scrapekit/sdk/rpc/internal/text"
)

func TestErrorsKeepTextAndClass(t *testing.T) {
	t.Parallel()
	plain := errors.New("401 Unauthorized: the token was refused")
	for name, want := range map[string]error{
		"temporary":   plain,
		"permanent":   fmt.Errorf("issues[KAFKA]: %w", sdk.Permanent(plain)),
		"skip":        fmt.Errorf("page 2: %w", sdk.Skip(plain)),
		"retry after": fmt.Errorf("page 2: %w", sdk.RetryAfter(plain, 90*time.Second)),
		"its own end": fmt.Errorf("gave up: %w", context.DeadlineExceeded),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for method, got := range failures(t, want) {
				if got == nil || got.Error() != want.Error() {
					t.Errorf("%s: text %q, want %q", method, got, want)
				}
				if sdk.IsPermanent(got) != sdk.IsPermanent(want) ||
					errors.Is(got, sdk.ErrSkip) != errors.Is(want, sdk.ErrSkip) ||
					sdk.RetryDelay(got) != sdk.RetryDelay(want) {
					t.Errorf("%s: class changed: %v", method, got)
				}
			}
		})
	}
}

// failures lets every method of a plugin fail with err, and returns what the host gets.
func failures(t *testing.T, err error) map[string]error {
	f := failing{err}
	src := connect(t, pluginOf(sdk.KindSource, f), sdk.Host{})
	tr := connect(t, pluginOf(sdk.KindTransform, f), sdk.Host{}).Transform()
	sink := connect(t, pluginOf(sdk.KindSink, failingSink{f}), sdk.Host{}).Sink()
	ctx, b := t.Context(), batchOf(100, 50)
	out := map[string]error{}
	_, out["Streams"] = src.Source().Streams(ctx)
	_, out["Plan"] = src.Source().Plan(ctx, sdk.Plan{})
	out["Read"] = src.Source().Read(ctx, sdk.Split{}, sdk.NewWriter(&recorder{}))
	out["Check"] = src.Check(ctx)
	_, out["Transform"] = tr.Transform(ctx, b)
	_, out["OutStreams"] = host.AbilitiesOf(tr).OutStreams(ctx, nil)
	out["OpenTransform"] = host.AbilitiesOf(tr).Open(ctx, sdk.Start{})
	_, out["CommitTransform"] = host.AbilitiesOf(tr).Commit(ctx)
	out["Write"] = sink.Write(ctx, b)
	out["OpenSink"] = host.AbilitiesOf(sink).Open(ctx, sdk.Start{})
	_, out["CommitSink"] = sink.Commit(ctx)
	out["FinishSink"] = host.AbilitiesOf(sink).Finish(ctx, sdk.End{})

	p := sourceOf(nil)
	p.New = func(context.Context, json.RawMessage) (any, error) { return nil, err }
	c, end, startErr := InProcess(ctx, p)
	if startErr != nil {
		t.Fatal(startErr)
	}
	defer end()
	_, out["Configure"] = c.Configure(ctx, nil)
	return out
}

// failing is a plugin of every kind, whose every method fails.
type failing struct{ err error }

func (f failing) Streams(context.Context) ([]sdk.Stream, error)             { return nil, f.err }
func (f failing) Plan(context.Context, sdk.Plan) ([]sdk.Split, error)       { return nil, f.err }
func (f failing) Read(context.Context, sdk.Split, *sdk.Writer) error        { return f.err }
func (f failing) Check(context.Context) error                               { return f.err }
func (f failing) Transform(context.Context, sdk.Batch) ([]sdk.Batch, error) { return nil, f.err }
func (f failing) Open(context.Context, sdk.Start) error                     { return f.err }
func (f failing) Commit(context.Context) (sdk.Token, error)                 { return nil, f.err }
func (f failing) OutStreams(context.Context, []sdk.Stream) ([]sdk.Stream, error) {
	return nil, f.err
}

func (f failing) Finish(context.Context, sdk.End) error { return f.err }

type failingSink struct{ failing }

func (f failingSink) Write(context.Context, sdk.Batch) error { return f.err }

func TestAnErrorsTextIsMadeFitToTravel(t *testing.T) {
	t.Parallel()
	c := connect(t, pluginOf(sdk.KindSource,
		failing{errors.New("bad \xff byte " + strings.Repeat("é", text.MaxBytes))}), sdk.Host{})
	_, err := c.Source().Streams(t.Context())
	if err == nil || !strings.HasPrefix(err.Error(), "bad \uFFFD byte éé") || len(err.Error()) > text.MaxBytes+100 {
		t.Errorf("got %.100q…", err)
	}
}

func TestReadEndsWhenItsContextDoes(t *testing.T) {
	t.Parallel()
	reading, told := make(chan struct{}), make(chan struct{})
	c := connect(t, sourceOf(func(ctx context.Context, _ sdk.Split, _ *sdk.Writer) error {
		close(reading)
		<-ctx.Done()
		close(told)
		return ctx.Err()
	}), sdk.Host{})
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-reading
		cancel()
	}()
	err := c.Source().Read(ctx, sdk.Split{ID: "s"}, sdk.NewWriter(&recorder{}))
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
	<-told
}

func TestABrokenConnectionHasItsOwnType(t *testing.T) {
	t.Parallel()
	reading := make(chan struct{})
	c, end, err := InProcess(t.Context(), sourceOf(func(ctx context.Context, _ sdk.Split, w *sdk.Writer) error {
		close(reading)
		<-ctx.Done()
		return ctx.Err()
	}))
	if err != nil {
		t.Fatal(err)
	}
	wait, err := c.OpenHost(t.Context(), sdk.Host{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Configure(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	go func() {
		<-reading
		end()
	}()
	var lost *LostError
	if err := c.Source().Read(t.Context(), sdk.Split{}, sdk.NewWriter(&recorder{})); !errors.As(err, &lost) {
		t.Errorf("Read under way: %v, want a LostError", err)
	}
	if err := wait(); !errors.As(err, &lost) {
		t.Errorf("reverse stream: %v, want a LostError", err)
	}
	if _, err := c.Source().Streams(t.Context()); !errors.As(err, &lost) {
		t.Errorf("later call: %v, want a LostError", err)
	}
}

func TestACallThatThePluginDoesNotServe(t *testing.T) {
	t.Parallel()
	c := connect(t, sinkOf(&memorySink{}), sdk.Host{})
	_, err := c.Source().Streams(t.Context())
	if !sdk.IsPermanent(err) || errors.As(err, new(*LostError)) {
		t.Errorf("got %v, want a permanent error", err)
	}
}

// TestRequestsAreNamedOnce: an http.Client says before an error which request failed, and so does
// the host.
func TestRequestsAreNamedOnce(t *testing.T) {
	t.Parallel()
	host := sdk.Permanent(convert.HostError("GET http://a.b/c: connection refused"))
	client := &url.Error{Op: "Get", URL: "http://a.b/c", Err: host}
	for want, err := range map[string]error{
		"page 3: GET http://a.b/c: connection refused": fmt.Errorf("page 3: %w", client),
		`Get "http://a.b/c": too many redirects`: &url.Error{Op: "Get", URL: "http://a.b/c",
			Err: errors.New("too many redirects")},
		`Get "http://a.b/c": refused`: &url.Error{Op: "Get", URL: "http://a.b/c",
			Err: convert.HostError("refused")},
		"broken": errors.New("broken"),
	} {
		if got := convert.ToldOnce(err); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
