package rpc

import (
	"context"
	"reflect"
	"testing"

	"github.com/scrapekit/scrapekit/sdk"
	"github.com/scrapekit/scrapekit/sdk/host"
)

// planning is a sink that says what it would do.
type planning struct{ memorySink }

func (*planning) PlanSink(_ context.Context, streams []sdk.Stream) (sdk.SinkPlan, error) {
	if len(streams) == 0 {
		return sdk.SinkPlan{}, sdk.Permanent(context.Canceled)
	}
	return sdk.SinkPlan{Effects: []string{streams[0].Name + " stays"}, Statements: []string{"MAKE a", "MAKE b"}}, nil
}

func TestSinkPlanCrossesTheWire(t *testing.T) {
	t.Parallel()
	conn, end, err := InProcess(t.Context(), sinkOf(&planning{}))
	if err != nil {
		t.Fatal(err)
	}
	defer end()
	if _, err := conn.Configure(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	plan := host.AbilitiesOf(conn.Sink()).PlanSink
	if plan == nil {
		t.Fatal("the sink's ability does not cross the wire")
	}
	got, err := plan(t.Context(), []sdk.Stream{{Name: "one"}})
	want := sdk.SinkPlan{Effects: []string{"one stays"}, Statements: []string{"MAKE a", "MAKE b"}}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
	if _, err := plan(t.Context(), nil); !sdk.IsPermanent(err) {
		t.Errorf("its error: %v", err)
	}
}
