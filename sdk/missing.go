// Missing: what a source goes on without, for the report of the run.

package sdk

import (
	"context"
	"strings"

	"github.com/scrapekit/scrapekit/sdk/host/hint"
)

// maxMissing bounds what one entry says, in bytes.
const maxMissing = 500

// Missing reports, within Read, that a part cannot be read and that the rest is read without it: a
// list that is refused, an item for which the remote system always answers 500. part names it as a
// user would; it must be the same in each run. why must not be nil.
//
// The run ends incomplete, with part and why in its report, although all its splits are done. The
// next run plans anew, and the source asks for the part again. An error from Read is stronger: the
// split is read again before anything new.
func Missing(ctx context.Context, part string, why error) {
	name := strings.ReplaceAll(part, ": ", " ") + ": " + why.Error()
	if len(name) > maxMissing {
		name = strings.ToValidUTF8(name[:maxMissing], "") + "…"
	}
	Count(ctx, hint.Missing+"/"+name, 1)
}
