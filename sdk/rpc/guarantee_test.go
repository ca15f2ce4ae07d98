package rpc

import (
	"context"
	"strings"
	"testing"

	"github.com/scrapekit/scrapekit/sdk"
	"github.com/scrapekit/scrapekit/sdk/host"
)

// promising is a sink that says what it guarantees.
type promising struct {
	memorySink
	promise sdk.Guarantee
}

func (p *promising) Guarantee() sdk.Guarantee { return p.promise }

// opening is one that can go back to a token.
type opening struct{ promising }

func (*opening) Open(context.Context, sdk.Start) error { return nil }

func TestGuaranteeCrossesTheWire(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		sink sdk.Sink
		want sdk.Guarantee
	}{
		"of one that can go back": {&opening{promising{promise: sdk.Guarantee{Delivery: sdk.ExactlyOnce,
			Why: "of a transaction"}}}, sdk.Guarantee{Delivery: sdk.ExactlyOnce, Why: "of a transaction"}},
		"by key": {&promising{promise: sdk.Guarantee{Delivery: sdk.OncePerKey, Why: "of the key"}},
			sdk.Guarantee{Delivery: sdk.OncePerKey, Why: "of the key"}},
		"less than it could": {&opening{promising{promise: sdk.Guarantee{Delivery: sdk.AtLeastOnce,
			Why: "of a queue"}}}, sdk.Guarantee{Delivery: sdk.AtLeastOnce, Why: "of a queue"}},
		"silent": {&memorySink{}, host.GuaranteeOf(&memorySink{})},
		"unknown": {&opening{promising{promise: sdk.Guarantee{Delivery: "twice"}}}, host.GuaranteeOf(struct {
			sdk.Sink
			sdk.Opener
		}{})},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			conn, end, err := InProcess(t.Context(), sinkOf(c.sink))
			if err != nil {
				t.Fatal(err)
			}
			defer end()
			if _, err := conn.Configure(t.Context(), nil); err != nil {
				t.Fatal(err)
			}
			if got := host.GuaranteeOf(conn.Sink()); got != c.want {
				t.Errorf("got %+v, want %+v", got, c.want)
			}
		})
	}
}

func TestGuaranteeThatCannotBeKeptIsRefused(t *testing.T) {
	t.Parallel()
	conn, end, err := InProcess(t.Context(),
		sinkOf(&promising{promise: sdk.Guarantee{Delivery: sdk.ExactlyOnce, Why: "it says so"}}))
	if err != nil {
		t.Fatal(err)
	}
	defer end()
	if _, err := conn.Configure(t.Context(), nil); err == nil || !sdk.IsPermanent(err) ||
		!strings.Contains(err.Error(), "it has no Open") {
		t.Errorf("got %v", err)
	}
}
