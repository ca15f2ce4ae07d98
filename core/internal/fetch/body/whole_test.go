package body

import (
	"io"
	"strings"
	"testing"

	"github.com/scrapekit/scrapekit/core/internal/httppolicy"
)

// TestRatioIsMeasured: 200 times is taken, a little more is not, from the first byte after 1 MiB.
func TestRatioIsMeasured(t *testing.T) {
	t.Parallel()
	for n, ok := range map[int64]bool{1 << 20: true, 200 * 6000: true, 201*6000 + 1: false} {
		l := &limiter{r: strings.NewReader(strings.Repeat("x", int(n))), wire: &counter{n: 6000}, max: 1 << 30,
			encoded: true, ratio: httppolicy.DefaultMaxRatio}
		if got, err := io.Copy(io.Discard, l); (err == nil) != ok {
			t.Errorf("%d bytes of %d: %v", got, n, err)
		}
	}
}
