package observe_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/scrapekit/scrapekit/core/observe"
)

// mask hides the word "sesame".
type mask struct{}

func (mask) String(s string) string { return strings.ReplaceAll(s, "sesame", "…") }

func (m mask) Error(err error) error {
	if err == nil {
		return nil
	}
	return errors.New(m.String(err.Error()))
}

// TestHidden: no event of a listener that is not to see secrets has one, and none is lost on the
// way.
func TestHidden(t *testing.T) {
	t.Parallel()
	err := errors.New("no access for sesame")
	all := []observe.Event{
		observe.RunStarted{Run: "r"}, observe.PlanRetried{Stage: "source", Err: err}, observe.Planned{Splits: 1},
		observe.SplitDone{Split: "sesame", Stream: "sesame"},
		observe.SplitRetried{Split: "sesame", Stream: "sesame", Err: err},
		observe.SplitBroken{Split: "sesame", Stream: "sesame", Err: err},
		observe.SplitSkipped{Split: "sesame", Stream: "sesame", Err: err},
		observe.Written{Stage: "sink", Stream: "issues"}, observe.Committed{},
		observe.PluginLost{Stage: "source", Err: err},
		observe.RolledBack{Err: err}, observe.RunEnded{Err: err}, observe.RunEnded{},
		observe.Waited{Host: "sesame", Bucket: "sesame"},
		observe.Sent{Host: "sesame"}, observe.Connected{Host: "sesame"}, observe.Exchanged{Host: "sesame"},
		observe.Retried{Host: "sesame"}, observe.Delayed{Host: "sesame"}, observe.HostBack{Host: "sesame"},
		observe.HostDown{Host: "sesame", Cause: "sesame"}, observe.CacheAsked{Host: "sesame"},
		observe.Step{Text: "sesame"},
	}
	var told []observe.Event
	listeners := observe.Listeners{observe.Hidden(mask{}, func(e observe.Event) { told = append(told, e) })}
	for _, e := range all {
		listeners.Tell(e)
	}
	if len(told) != len(all) {
		t.Fatalf("%d events were told, want %d", len(told), len(all))
	}
	for i, e := range told {
		if text := fmt.Sprintf("%+v", e); strings.Contains(text, "sesame") || e.Kind() != all[i].Kind() ||
			e.Kind() == "" {
			t.Errorf("%s: %s", all[i].Kind(), text)
		}
		if _, _, before := observe.Trouble(all[i]); before != nil {
			if _, _, err := observe.Trouble(e); err == nil || err.Error() != "no access for …" {
				t.Errorf("%s: its trouble is %v", e.Kind(), err)
			}
		}
	}
}
