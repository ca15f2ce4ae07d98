// The lines that a plugin logs through the SDK.

package pluginhost

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"github.com/hashicorp/go-hclog"

	"github.com/scrapekit/scrapekit/core/internal/redact"
)

func TestWhatAPluginLogs(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	log := slog.New(logTo{log: hclog.New(&hclog.LoggerOptions{Output: &out, Level: hclog.Info})})
	log.With("stream", "boards").Warn("left \x1b[31mout", "error", "403\nForbidden")
	log.Debug("too much")
	got := out.String()
	if strings.Count(got, "\n") != 1 || !strings.Contains(got, "[WARN]") ||
		!strings.Contains(got, `left out: stream=boards error=403Forbidden`) {
		t.Errorf("%q", got)
	}
}

// TestSecretsThatAPluginLogs: they are masked in the message, the keys and the values, before a
// text is changed or cut, and after.
func TestSecretsThatAPluginLogs(t *testing.T) {
	t.Parallel()
	var secrets redact.Set
	secrets.Add("canary\tse\x07cret-4711")
	secrets.Add("canary-sesame-4711")
	for _, secret := range []string{"canary\tse\x07cret-4711", "canary se\x07cret-4711", "canary secret-4711",
		"canary-ses\u200bame-4711", "canary\x1b[0m-sesame-4711"} {
		for _, room := range []int{maxKept, maxLogLine} {
			text := strings.Repeat("a", room-8) + secret + " and more"
			logger, out := logged(hclog.Debug)
			log := slog.New(logTo{log: logger, hide: secrets.String})
			log.With(text, text).Warn(text, text, text)
			l := &lines{log: logger, hide: secrets.String}
			l.add(text)
			l.read(strings.NewReader(strings.Repeat("\x00", maxRawLine-8) + secret + " and more\n"))
			last, _ := l.tail()
			if all := out.String() + strings.Join(last, "\n"); strings.Contains(all, "cana") ||
				!strings.Contains(all, "[red") {
				t.Errorf("%q at %d: %.200s", secret, room, all[max(0, strings.Index(all, "cana")-20):])
			}
		}
	}
}
