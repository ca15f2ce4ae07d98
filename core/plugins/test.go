// Tests: runs the conformance checks on a plugin of a pipeline file, with the file's settings.

package plugins

import (
	"context"

	"github.com/scrapekit/scrapekit/core"
	"github.com/scrapekit/scrapekit/core/internal/plugintest"
	"github.com/scrapekit/scrapekit/sdk"
	"github.com/scrapekit/scrapekit/sdk/conformance"
)

// CheckResult is the result of a check.
type CheckResult = plugintest.Result

// CheckStatus is the status of a result.
type CheckStatus = plugintest.Status

// The statuses.
const (
	CheckPassed  = plugintest.Passed
	CheckFailed  = plugintest.Failed
	CheckSkipped = plugintest.Skipped
	CheckNotRun  = plugintest.NotRun
)

// Check is a check for plugins.
type Check = conformance.Check

// Checks returns the checks for a kind.
func Checks(k sdk.Kind) []Check { return plugintest.Checks(k) }

// TestOptions say which plugin of the file to test, and how.
type TestOptions = plugintest.Options

// SinkOptions are what only the author of a sink knows.
type SinkOptions = plugintest.SinkOptions

// ErrNotTested is the cause of a test that the options do not allow.
var ErrNotTested = plugintest.ErrNotTested

// Test tests a plugin of a pipeline file. The error says that it could not be tested. Failed checks
// are in the results.
func Test(ctx context.Context, p *core.Pipeline, o TestOptions) ([]CheckResult, error) {
	return p.Conformance(ctx, o)
}
