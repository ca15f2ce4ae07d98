// A program that is started to be asked what it is, and for nothing else.

package pluginhost

import (
	"context"

	"github.com/scrapekit/scrapekit/sdk"
)

// DescribeProgram starts a program with a host of its own and asks it what it is. digest is what
// the program must have; "": any.
func DescribeProgram(ctx context.Context, o Options, path, digest string) (sdk.Info, error) {
	h, err := New(o)
	if err != nil {
		return sdk.Info{}, err
	}
	defer func() { _ = h.Close() }() // it described itself or did not: its end changes nothing
	return h.Describe(ctx, path, digest)
}
