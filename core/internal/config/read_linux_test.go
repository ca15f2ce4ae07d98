package config_test

import (
	"os"
	"strings"
	"testing"

	"github.com/scrapekit/scrapekit/core/internal/config"
)

// TestFileWithoutEnd reads the kernel's messages, whose reader waits for the next one.
func TestFileWithoutEnd(t *testing.T) {
	t.Parallel()
	const endless = "/proc/kmsg"
	f, err := os.Open(endless)
	if err != nil {
		t.Skip(err) // root alone may
	}
	f.Close()
	_, d := config.Load(t.Context(), write(t, "p.hcl", "locals {\n a = file(\""+endless+"\")\n}\n"+bombSuffix),
		options(nil, nil))
	if text := d.Error(); !strings.Contains(text, "it had no end within") &&
		!strings.Contains(text, "longer than 262144 bytes") {
		t.Errorf("%v", d)
	}
}
