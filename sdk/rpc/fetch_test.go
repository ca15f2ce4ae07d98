// HTTP through the host: bodies, windows, cancellation, error classes. The tests run in bubbles:
// one that leaves a goroutine behind fails.

package rpc

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/scrapekit/scrapekit/sdk"
	"github.com/scrapekit/scrapekit/sdk/host/hint"
	"github.com/scrapekit/scrapekit/sdk/reply"
	"github.com/scrapekit/scrapekit/sdk/rpc/internal/chunk"
	"github.com/scrapekit/scrapekit/sdk/rpc/internal/line"
)

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

func replyOf(status int, body io.Reader, length int64) *http.Response {
	return &http.Response{
		StatusCode: status, Proto: "HTTP/2.0", ContentLength: length,
		Header: http.Header{"X-Twice": {"a", "b"}}, Body: io.NopCloser(body),
	}
}

func saying(s string) *http.Response { return replyOf(200, strings.NewReader(s), int64(len(s))) }

// within runs do as the Read of a plugin whose host makes requests with h, in a bubble.
func within(t *testing.T, h roundTrip, do func(ctx context.Context, client *http.Client) error) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		t.Helper()
		if err := readThrough(t, t.Context(), h, do); err != nil {
			t.Error(err)
		}
	})
}

func readThrough(t *testing.T, ctx context.Context, h http.RoundTripper,
	do func(context.Context, *http.Client) error) error {
	t.Helper()
	return readWith(t, ctx, sdk.Host{Transport: h},
		func(ctx context.Context) error { return do(ctx, sdk.HTTPClient(ctx)) })
}

// readWith runs do as the Read of a plugin that h serves.
func readWith(t *testing.T, ctx context.Context, h sdk.Host, do func(context.Context) error) error {
	t.Helper()
	c := connect(t, sourceOf(func(ctx context.Context, _ sdk.Split, _ *sdk.Writer) error { return do(ctx) }), h)
	return c.Source().Read(ctx, sdk.Split{ID: "s"}, sdk.NewWriter(&recorder{}))
}

// TestFetchNamesItsSplit: the host knows for which split a request of Read is.
func TestFetchNamesItsSplit(t *testing.T) {
	t.Parallel()
	within(t, func(req *http.Request) (*http.Response, error) { return saying(hint.Split(req.Context())), nil },
		func(ctx context.Context, client *http.Client) error {
			// a request need not have the context of Read
			raw, err := get(context.Background(), client, "https://jira.test/")
			if err == nil && string(raw) != "s" {
				err = fmt.Errorf("the host was told the split %q", raw)
			}
			return err
		})
}

func TestFetchPassesRequestAndReply(t *testing.T) {
	t.Parallel()
	host := func(req *http.Request) (*http.Response, error) {
		sent, err := io.ReadAll(req.Body)
		if err != nil {
			return nil, err
		}
		got := fmt.Sprint(req.Method, " ", req.URL, " ", req.Header["X-A"], " ", string(sent), " ",
			hint.Idempotent(req))
		return replyOf(201, strings.NewReader(got), int64(len(got))), nil
	}
	within(t, host, func(ctx context.Context, client *http.Client) error {
		for _, idempotent := range []bool{false, true} {
			c := ctx
			if idempotent {
				c = sdk.Idempotent(ctx)
			}
			req, err := http.NewRequestWithContext(c, http.MethodPost, "https://jira.test/search?q=a%20b",
				strings.NewReader("body"))
			if err != nil {
				return err
			}
			req.Header["X-A"] = []string{"1", "2"}
			resp, err := client.Do(req)
			if err != nil {
				return err
			}
			got, err := io.ReadAll(resp.Body)
			if err != nil {
				return err
			}
			want := fmt.Sprint("POST https://jira.test/search?q=a%20b [1 2] body ", idempotent)
			if string(got) != want {
				return fmt.Errorf("the host saw %q, want %q", got, want)
			}
			if resp.Status != "201 Created" || resp.ProtoMajor != 2 || len(resp.Header["X-Twice"]) != 2 ||
				resp.ContentLength != int64(len(want)) {
				return fmt.Errorf("reply: %+v", resp)
			}
		}
		return nil
	})
}

// TestClassesCrossTheWire: what the plugin knows of replies reaches the host, in its order.
func TestClassesCrossTheWire(t *testing.T) {
	t.Parallel()
	want := []hint.Class{{Status: 500, Text: "too deep"}, {Status: 403, Text: "rate", Temporary: true},
		{Status: 403, Text: "abuse", Temporary: true}, {Status: 503}}
	host := func(req *http.Request) (*http.Response, error) {
		if got := hint.Classes(req); !slices.Equal(got, want) {
			t.Errorf("%v, want %v", got, want)
		}
		return saying(""), nil
	}
	within(t, host, func(ctx context.Context, client *http.Client) error {
		ctx = reply.Final(ctx, 500, "too deep")
		_ = reply.Final(ctx, 599) // a branch of its own
		ctx = reply.Final(reply.Temporary(ctx, 403, "rate", "abuse"), 503)
		_, err := get(ctx, client, "https://jira.test/")
		return err
	})
}

func TestFetchFollowsRedirectsByAskingAgain(t *testing.T) {
	t.Parallel()
	host := func(req *http.Request) (*http.Response, error) {
		if req.URL.Path == "/new" {
			return saying("arrived"), nil
		}
		r := saying("")
		r.StatusCode, r.Header = http.StatusFound, http.Header{"Location": {"/new"}}
		return r, nil
	}
	within(t, host, func(ctx context.Context, client *http.Client) error {
		got, err := get(ctx, client, "https://jira.test/old")
		if string(got) != "arrived" {
			return fmt.Errorf("got %q, %w", got, err)
		}
		return nil
	})
}

func get(ctx context.Context, client *http.Client, url string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	resp, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	return io.ReadAll(resp.Body)
}

// TestFetchManyAtOnce has more fetches under way than slots, every tenth with a body longer than a
// window.
func TestFetchManyAtOnce(t *testing.T) {
	t.Parallel()
	const fetches = line.MaxRunning + 40
	body := func(i string) []byte {
		if strings.HasSuffix(i, "0") {
			return bytes.Repeat([]byte(i), window/2)
		}
		return bytes.Repeat([]byte(i), 1000)
	}
	host := func(req *http.Request) (*http.Response, error) {
		b := body(req.URL.Query().Get("i"))
		return replyOf(200, bytes.NewReader(b), int64(len(b))), nil
	}
	within(t, host, func(ctx context.Context, client *http.Client) error {
		errs := make([]error, fetches)
		var all sync.WaitGroup
		for i := range fetches {
			all.Go(func() {
				name := fmt.Sprintf("%03d", i)
				got, err := get(ctx, client, "https://jira.test/?i="+name)
				if err != nil || !bytes.Equal(got, body(name)) {
					errs[i] = errors.Join(fmt.Errorf("fetch %d: %d bytes", i, len(got)), err)
				}
			})
		}
		all.Wait()
		return errors.Join(errs...)
	})
}

func TestFetchASlowReaderDoesNotBlockTheOthers(t *testing.T) {
	t.Parallel()
	var sent counter
	host := func(req *http.Request) (*http.Response, error) {
		if req.URL.Path == "/large" {
			return replyOf(200, io.TeeReader(io.LimitReader(zeros{}, 8<<20), &sent), 8<<20), nil
		}
		return saying("small"), nil
	}
	within(t, host, func(ctx context.Context, client *http.Client) error {
		resp, err := client.Get("https://jira.test/large")
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		synctest.Wait()
		if n := sent.n.Load(); n < window || n > window+chunk.Size {
			return fmt.Errorf("the host has sent %d bytes of a body that nobody reads, want one window", n)
		}
		for range 100 {
			if got, err := get(ctx, client, "https://jira.test/small"); string(got) != "small" {
				return fmt.Errorf("beside it: %q, %w", got, err)
			}
		}
		n, err := io.Copy(io.Discard, resp.Body)
		if n != 8<<20 {
			return fmt.Errorf("%d bytes, %w", n, err)
		}
		return nil
	})
}

func TestFetchErrorsKeepTheirClass(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]error{
		"temporary":   errors.New("connection refused"),
		"permanent":   sdk.Permanent(errors.New("the pipeline file does not allow it")),
		"robots":      fmt.Errorf("%w (Disallow: /)", sdk.ErrRobots),
		"retry after": sdk.RetryAfter(errors.New("429 Too Many Requests"), time.Minute),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				host := roundTrip(func(*http.Request) (*http.Response, error) { return nil, want })
				got := readThrough(t, t.Context(), host, func(ctx context.Context, client *http.Client) error {
					_, err := get(ctx, client, "https://jira.test/x")
					if errors.Is(err, sdk.ErrRobots) != errors.Is(want, sdk.ErrRobots) {
						t.Errorf("the plugin got %v", err)
					}
					return fmt.Errorf("page 1: %w", err)
				})
				if got == nil || got.Error() != `page 1: Get "https://jira.test/x": `+want.Error() {
					t.Errorf("text: %v", got)
				}
				if sdk.IsPermanent(got) != sdk.IsPermanent(want) ||
					errors.Is(got, sdk.ErrSkip) != errors.Is(want, sdk.ErrSkip) ||
					sdk.RetryDelay(got) != sdk.RetryDelay(want) {
					t.Errorf("class of %v changed on its way: %v", want, got)
				}
			})
		})
	}
}

func TestFetchABodyThatBreaksOff(t *testing.T) {
	t.Parallel()
	host := func(*http.Request) (*http.Response, error) {
		broken := io.MultiReader(strings.NewReader("half"), errReader{sdk.Permanent(errors.New("the disk is full"))})
		return replyOf(200, broken, 8), nil
	}
	within(t, host, func(ctx context.Context, client *http.Client) error {
		got, err := get(ctx, client, "https://jira.test/")
		if string(got) != "half" || !sdk.IsPermanent(err) || err.Error() != "body of the reply: the disk is full" {
			return fmt.Errorf("got %q, %w", got, err)
		}
		return nil
	})
}

// TestFetchEndsOnTheHostToo ends fetches in every way, and waits until the host has given them up.
func TestFetchEndsOnTheHostToo(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(ctx context.Context, client *http.Client) error{
		"request cancelled": func(ctx context.Context, client *http.Client) error {
			ctx, cancel := context.WithTimeout(ctx, time.Second)
			defer cancel()
			_, err := get(ctx, client, "https://jira.test/hang")
			return wantErr(err, context.DeadlineExceeded)
		},
		"cancelled in the body": func(ctx context.Context, client *http.Client) error {
			ctx, cancel := context.WithTimeout(ctx, time.Second)
			defer cancel()
			_, err := get(ctx, client, "https://jira.test/hangs/in/body")
			return wantErr(err, context.DeadlineExceeded)
		},
		"body closed early": func(_ context.Context, client *http.Client) error {
			resp, err := client.Get("https://jira.test/hangs/in/body")
			if err != nil {
				return err
			}
			resp.Body.Close()
			_, err = resp.Body.Read(make([]byte, 1))
			return wantErr(err, errBodyClosed)
		},
		"client's timeout": func(ctx context.Context, client *http.Client) error {
			client.Timeout = time.Second
			if _, err := client.Get("https://jira.test/hang"); err == nil {
				return errors.New("no timeout")
			}
			return nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			gone := make(chan struct{}, 1)
			within(t, hanging(gone), func(ctx context.Context, client *http.Client) error {
				if err := end(ctx, client); err != nil {
					return err
				}
				synctest.Wait()
				select {
				case <-gone:
					return nil
				default:
					return errors.New("the host still works on it")
				}
			})
		})
	}
}

// hanging never comes to an end, at /hang before the reply, elsewhere within its body. gone gets a
// value when it is given up.
func hanging(gone chan<- struct{}) roundTrip {
	return func(req *http.Request) (*http.Response, error) {
		hang := readerFunc(func([]byte) (int, error) {
			<-req.Context().Done()
			gone <- struct{}{}
			return 0, req.Context().Err()
		})
		if req.URL.Path == "/hang" {
			_, err := hang(nil)
			return nil, err
		}
		return replyOf(200, io.MultiReader(strings.NewReader("begin"), hang), -1), nil
	}
}

func TestFetchEndsWithTheCall(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		gone := make(chan struct{}, 2)
		started := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		err := readThrough(t, ctx, hanging(gone), func(_ context.Context, client *http.Client) error {
			resp, err := client.Get("https://jira.test/body/never/closed")
			if err != nil {
				return err
			}
			defer func() { _ = resp.Body }()
			_, err = client.Get("https://jira.test/hang") // not with the call's context, and yet it ends
			return err
		})
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		<-gone
		<-gone
		if d := time.Since(started); d != time.Second {
			t.Errorf("the host gave them up after %v, the call ended after 1s", d)
		}
	})
}

func TestFetchRefusesALongRequest(t *testing.T) {
	t.Parallel()
	host := func(*http.Request) (*http.Response, error) { return nil, errors.New("it came through") }
	within(t, host, func(_ context.Context, client *http.Client) error {
		_, err := client.Post("https://jira.test/", "text/plain", io.LimitReader(zeros{}, maxRequestBody+1))
		if !sdk.IsPermanent(err) || !strings.Contains(err.Error(), "longer than 67108864 bytes") {
			return fmt.Errorf("got %w", err)
		}
		return nil
	})
}

func TestFetchWithoutAHost(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, end, err := InProcess(t.Context(), sourceOf(func(ctx context.Context, _ sdk.Split, _ *sdk.Writer) error {
			_, err := sdk.HTTPClient(ctx).Get("https://jira.test/")
			return err
		}))
		if err != nil {
			t.Fatal(err)
		}
		defer end()
		if _, err := c.Configure(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
		err = c.Source().Read(t.Context(), sdk.Split{}, sdk.NewWriter(&recorder{}))
		if err == nil || !strings.Contains(err.Error(), errNoHost.Error()) || sdk.IsPermanent(err) {
			t.Errorf("got %v, want a temporary %q", err, errNoHost)
		}
	})
}

// TestFetchUnderWayWhenTheHostGoes closes the reverse stream, not the connection.
func TestFetchUnderWayWhenTheHostGoes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, end, err := InProcess(t.Context(), sourceOf(func(ctx context.Context, _ sdk.Split, _ *sdk.Writer) error {
			_, err := sdk.HTTPClient(ctx).Get("https://jira.test/hang")
			return err
		}))
		if err != nil {
			t.Fatal(err)
		}
		defer end()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		wait, err := c.OpenHost(ctx, sdk.Host{Transport: hanging(make(chan struct{}, 1))})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Configure(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
		err = c.Source().Read(t.Context(), sdk.Split{}, sdk.NewWriter(&recorder{}))
		if err == nil || !strings.Contains(err.Error(), errNoHost.Error()) {
			t.Errorf("got %v, want %q", err, errNoHost)
		}
		if err := wait(); err != nil {
			t.Errorf("the host ended the stream itself, and yet: %v", err)
		}
		reopened, err := c.OpenHost(t.Context(), sdk.Host{})
		if err != nil {
			t.Fatalf("it cannot be opened again: %v", err)
		}
		end()
		if err := reopened(); !errors.As(err, new(*LostError)) {
			t.Errorf("after the connection: %v, want a LostError", err)
		}
	})
}

func wantErr(got, want error) error {
	if !errors.Is(got, want) {
		return fmt.Errorf("got %w, want %w", got, want)
	}
	return nil
}
