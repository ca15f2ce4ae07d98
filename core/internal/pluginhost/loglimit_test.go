package pluginhost

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/go-hclog"
)

func TestLogIsLimited(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		limited := limitLog(hclog.New(&hclog.LoggerOptions{Output: &out, Level: hclog.Warn}), &activity{})
		plain, structured := &lines{log: limited}, slog.New(logTo{log: limited}).With("a", "b")
		for range 100_000 { // what nobody sees costs nothing
			plain.add("no log at all")
			plain.add(`{"@message":"quiet","@level":"info"}`)
		}
		for range 50_000 {
			plain.add(`{"@message":"loud","@level":"warn","text":"` + strings.Repeat("x", 100) + `"}`)
			structured.Error("louder", "text", strings.Repeat("y", 100))
		}
		if n := out.Len(); n < logBurst/2 || n > 2*logBurst {
			t.Errorf("%d bytes are logged", n)
		}
		for _, want := range []string{"loud", "louder"} {
			if !strings.Contains(out.String(), want) {
				t.Errorf("nothing says %q", want)
			}
		}
		out.Reset()
		time.Sleep(time.Minute)
		plain.add(`{"@message":"again","@level":"warn"}`)
		if got := out.String(); !strings.Contains(got, "left out") || !strings.Contains(got, "again") {
			t.Errorf("after a while: %s", got)
		}
		out.Reset()
		limited.reportDropped()
		if out.Len() > 0 {
			t.Errorf("said twice: %s", &out)
		}
	})
}
