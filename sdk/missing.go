// Missing: what a source goes on without, for the report of the run.

package sdk

import (
	"context"
	"strings"

	"github.com/scrapekit/scrapekit/sdk/host/hint"
)

// maxMissing bounds what one entry says, in bytes.
const maxMissing = 500

// Missing says within Read that a part of what was asked for could not be had, and that the rest is read without it: a list that
// is refused, one item that the remote system answers with 500 whenever it is asked for. part names it, as the user would; it
// must not differ at every run. why must not be nil.
//
// The run ends as incomplete, with part and why in its report, though each of its splits is done: the next run plans anew, and
// the source asks for the part again. An error from Read means more: that the split is to be read again before anything new is.
func Missing(ctx context.Context, part string, why error) {
	name := strings.ReplaceAll(part, ": ", " ") + ": " + why.Error()
	if len(name) > maxMissing {
		name = strings.ToValidUTF8(name[:maxMissing], "") + "…"
	}
	Count(ctx, hint.Missing+"/"+name, 1)
}
