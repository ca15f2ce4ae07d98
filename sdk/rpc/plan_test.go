// Plans: longer than a message, refused, given up.

package rpc

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	"github.com/scrapekit/scrapekit/sdk"
	"github.com/scrapekit/scrapekit/sdk/rpc/internal/convert"
	"github.com/scrapekit/scrapekit/sdk/rpc/internal/pb"
)

// planner is a source whose Plan is a function.
type planner struct {
	fakeSource
	plan func(ctx context.Context, p sdk.Plan) ([]sdk.Split, error)
}

func (p *planner) Plan(ctx context.Context, in sdk.Plan) ([]sdk.Split, error) { return p.plan(ctx, in) }

func plannerOf(plan func(context.Context, sdk.Plan) ([]sdk.Split, error)) sdk.Plugin {
	return pluginOf(sdk.KindSource, &planner{plan: plan})
}

// longSplits makes n splits with cursors of this size.
func longSplits(n, size int) []sdk.Split {
	cursor := bytes.Repeat([]byte("x"), size)
	out := make([]sdk.Split, n)
	for i := range out {
		out[i] = sdk.Split{ID: fmt.Sprint("split ", i), Stream: "issues", Cursor: cursor}
	}
	return out
}

// measured is a connection's source service that notes how long the messages of a plan are.
type measured struct {
	pb.SourceServiceClient
	sent, received []int
}

type measuredPlan struct {
	grpc.BidiStreamingClient[pb.PlanRequest, pb.PlanResponse]
	m *measured
}

func (m *measured) Plan(ctx context.Context,
	opts ...grpc.CallOption) (grpc.BidiStreamingClient[pb.PlanRequest, pb.PlanResponse], error) {
	stream, err := m.SourceServiceClient.Plan(ctx, opts...)
	return measuredPlan{stream, m}, err
}

func (p measuredPlan) Send(r *pb.PlanRequest) error {
	p.m.sent = append(p.m.sent, proto.Size(r))
	return p.BidiStreamingClient.Send(r)
}

func (p measuredPlan) Recv() (*pb.PlanResponse, error) {
	r, err := p.BidiStreamingClient.Recv()
	if err == nil {
		p.m.received = append(p.m.received, proto.Size(r))
	}
	return r, err
}

// TestAPlanTravelsInPieces: however much there is to plan from, and is planned, no message gets
// near its limit.
func TestAPlanTravelsInPieces(t *testing.T) {
	t.Parallel()
	c := connect(t, sourceOf(nil), sdk.Host{})
	m := &measured{SourceServiceClient: c.source}
	c.source = m
	previous := longSplits(8, 200<<10)
	splits, err := c.Source().Plan(t.Context(), sdk.Plan{Streams: []string{"logs"}, Previous: previous})
	if err != nil {
		t.Fatal(err)
	}
	if want := append(previous, sdk.Split{ID: "new logs", Stream: "logs"}); !reflect.DeepEqual(splits, want) {
		t.Errorf("%d splits came back, and not those that were sent (%d)", len(splits), len(want))
	}
	if longest := max(slices.Max(m.sent), slices.Max(m.received)); longest > planPiece || len(m.sent) != 9 ||
		len(m.received) != 8 {
		t.Errorf("sent %v, received %v", m.sent, m.received)
	}
}

func TestPiecesFillAMessage(t *testing.T) {
	t.Parallel()
	splits := append(longSplits(5000, 1000), longSplits(2, 3*planPiece)...)
	splits = append(splits, longSplits(10, 0)...)
	var got []sdk.Split
	messages := 0
	for piece := range pieces(splits) {
		if size := proto.Size(&pb.PlanResponse{Splits: piece}); size > planPiece+planPiece/8 && len(piece) > 1 {
			t.Errorf("message %d: %d splits of %d bytes", messages, len(piece), size)
		}
		got = append(got, convert.Each(piece, convert.SplitFrom)...)
		messages++
	}
	if !reflect.DeepEqual(got, splits) {
		t.Error("the pieces are not the whole")
	}
	if messages > 25 {
		t.Errorf("%d messages for 5 MiB in short splits and two long ones", messages)
	}
	for range pieces(nil) {
		t.Error("a piece of nothing")
	}
}

func TestAPlanIsRefused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		splits []sdk.Split
		says   string
	}{
		"no id": {[]sdk.Split{{ID: "a"}, {Stream: "logs"}},
			`split 2 of 2 of the plan: a split of stream "logs" has no id`},
		"long data": {[]sdk.Split{{ID: "a", Data: make([]byte, MaxMessage+1)}}, `split "a": its data is`},
		"too long":  {longSplits(3, 1<<20), "the plan's splits take more than 2097152 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := plannerOf(func(context.Context, sdk.Plan) ([]sdk.Split, error) { return c.splits, nil })
			src := &source{conn: connect(t, p, sdk.Host{}), maxPlan: 2 << 20}
			splits, err := src.Plan(t.Context(), sdk.Plan{})
			if !sdk.IsPermanent(err) || !strings.Contains(err.Error(), c.says) || splits != nil {
				t.Errorf("got %d splits and %v, want a permanent error that says %q", len(splits), err, c.says)
			}
		})
	}
}

// TestAPlanIsRefusedBeforeItIsAsked: the plugin's reason arrives, though the host was still
// sending.
func TestAPlanIsRefusedBeforeItIsAsked(t *testing.T) {
	t.Parallel()
	c, end, err := InProcess(t.Context(), sourceOf(nil))
	if err != nil {
		t.Fatal(err)
	}
	defer end()
	_, err = c.Source().Plan(t.Context(), sdk.Plan{Previous: longSplits(30, 1<<20)})
	if !sdk.IsPermanent(err) || !strings.Contains(err.Error(), "not been configured") {
		t.Errorf("got %v, want the plugin's reason", err)
	}
}

// TestAPlanInPages: neither what is planned from nor what is planned is ever whole, and whoever
// wants no more gets no more.
func TestAPlanInPages(t *testing.T) {
	t.Parallel()
	c := connect(t, sourceOf(nil), sdk.Host{})
	sent := 0
	previous := func(yield func([]sdk.Split, error) bool) {
		for range 4 {
			sent++
			if !yield(longSplits(2, 200<<10), nil) {
				return
			}
		}
	}
	got, pages := 0, 0
	err := c.Source().PlanPages(t.Context(), []string{"logs"}, previous, func(page []sdk.Split) error {
		if sent != 4 {
			t.Errorf("a page of the plan came after %d of 4 pages", sent)
		}
		got += len(page)
		pages++
		return nil
	})
	if err != nil || got != 9 || pages != 8 {
		t.Errorf("%d splits in %d pages, %v", got, pages, err)
	}
	enough := errors.New("enough")
	pages = 0
	err = c.Source().PlanPages(t.Context(), []string{"logs"}, previous,
		func([]sdk.Split) error { pages++; return enough })
	if !errors.Is(err, enough) || pages != 1 {
		t.Errorf("after %d pages: %v", pages, err)
	}
	broke := errors.New("it cannot be read")
	err = c.Source().PlanPages(t.Context(), nil, func(yield func([]sdk.Split, error) bool) { yield(nil, broke) },
		func([]sdk.Split) error { pages++; return nil })
	if !errors.Is(err, broke) || pages != 1 {
		t.Errorf("what is planned from breaks off, %d pages: %v", pages, err)
	}
}

func TestPlanEndsWhenItsContextDoes(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	told := make(chan struct{})
	c := connect(t, plannerOf(func(ctx context.Context, _ sdk.Plan) ([]sdk.Split, error) {
		cancel()
		<-ctx.Done()
		close(told)
		return nil, ctx.Err()
	}), sdk.Host{})
	if _, err := c.Source().Plan(ctx, sdk.Plan{}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
	<-told
}
