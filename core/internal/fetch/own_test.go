package fetch

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/scrapekit/scrapekit/core/internal/httppolicy"
	"github.com/scrapekit/scrapekit/sdk/reply"
)

// TestOwnClasses: what the plugin says of its replies comes before what their status says.
func TestOwnClasses(t *testing.T) {
	tooDeep := `{"errorMessages":["Search limit exceeded: ask for less"]}`
	for _, c := range []struct {
		name   string
		mark   func(context.Context) context.Context
		status int
		body   string
		want   int64 // requests
	}{
		{"final by status", func(ctx context.Context) context.Context { return reply.Final(ctx, 500) }, 500, "", 1},
		{"final by text", func(ctx context.Context) context.Context { return reply.Final(ctx, 500, "limit exceeded") },
			500, tooDeep, 1},
		{"another text", func(ctx context.Context) context.Context { return reply.Final(ctx, 500, "limit exceeded") },
			500, "oops", 2},
		{"another status", func(ctx context.Context) context.Context { return reply.Final(ctx, 500, "limit exceeded") },
			503, tooDeep, 2},
		{"one of two texts", func(ctx context.Context) context.Context {
			return reply.Final(ctx, 500, "x-y-z",
				"limit exceeded")
		}, 500, tooDeep, 1},
		{"temporary", func(ctx context.Context) context.Context { return reply.Temporary(ctx, 403, "rate limit") }, 403,
			"secondary rate limit", 2},
		{"temporary, another text", func(ctx context.Context) context.Context {
			return reply.Temporary(ctx, 403,
				"rate limit")
		}, 403, "forbidden", 1},
		{"text far behind", func(ctx context.Context) context.Context {
			return reply.Final(ctx, 500,
				"limit exceeded")
		},
			500, strings.Repeat(" ", 60<<10) + tooDeep, 1},
		{"text too far behind", func(ctx context.Context) context.Context {
			return reply.Final(ctx, 500,
				"limit exceeded")
		}, 500, strings.Repeat(" ", 65<<10) + tooDeep, 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &scripted{scripts: []script{answer(c.status, c.body), answer(200, "good")}}
				client := s.client(t, Options{})
				defer client.Close()
				_, body, err := ask(c.mark(t.Context()), transport(t, client, httppolicy.Policy{}), "GET", page, "")
				if n := s.requests.Load(); err != nil || n != c.want {
					t.Errorf("%d requests, want %d: %v", n, c.want, err)
				}
				if c.want == 1 && body != c.body {
					t.Errorf("the body came as %d bytes of %d", len(body), len(c.body))
				}
			})
		})
	}
}
