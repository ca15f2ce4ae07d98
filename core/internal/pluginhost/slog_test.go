// The lines that a plugin logs through the SDK.

package pluginhost

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"github.com/hashicorp/go-hclog"
)

func TestWhatAPluginLogs(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	log := slog.New(logTo{hclog.New(&hclog.LoggerOptions{Output: &out, Level: hclog.Info})})
	log.With("stream", "boards").Warn("left \x1b[31mout", "error", "403\nForbidden")
	log.Debug("too much")
	got := out.String()
	if strings.Count(got, "\n") != 1 || !strings.Contains(got, "[WARN]") || !strings.Contains(got, `left out: stream=boards error=403Forbidden`) {
		t.Errorf("%q", got)
	}
}
