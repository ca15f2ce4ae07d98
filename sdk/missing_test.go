package sdk_test

import (
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/scrapekit/scrapekit/sdk"
)

func TestMissing(t *testing.T) {
	t.Parallel()
	var names []string
	ctx := sdk.Host{Count: func(name string, _ int64) { names = append(names, name) }}.In(t.Context())
	sdk.Missing(ctx, "board 1: epics", errors.New("500: boom"))
	sdk.Missing(ctx, "long", errors.New(strings.Repeat("ž", 1000)))
	if names[0] != "missing/board 1 epics: 500: boom" || len(names[1]) > 520 || !utf8.ValidString(names[1]) {
		t.Errorf("%q", names)
	}
}
