// DescribeProgram: starts a program only to read its description.

package pluginhost

import (
	"context"

	"github.com/scrapekit/scrapekit/sdk"
)

// DescribeProgram starts a program in a host of its own and returns its description. digest is the
// program's required digest; "": any.
func DescribeProgram(ctx context.Context, o Options, path, digest string) (sdk.Info, error) {
	h, err := New(o)
	if err != nil {
		return sdk.Info{}, err
	}
	defer func() { _ = h.Close() }() // the description is complete or failed already
	return h.Describe(ctx, path, digest)
}
