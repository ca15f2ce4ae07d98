// Tests: a plugin of a pipeline file is held to the checks, with the settings that the file gives
// it.

package plugins

import (
	"context"

	"github.com/scrapekit/scrapekit/core"
	"github.com/scrapekit/scrapekit/core/internal/plugintest"
	"github.com/scrapekit/scrapekit/sdk"
	"github.com/scrapekit/scrapekit/sdk/conformance"
)

// CheckResult is a check and what came of it.
type CheckResult = plugintest.Result

// CheckStatus is what came of a check.
type CheckStatus = plugintest.Status

// All of them.
const (
	CheckPassed  = plugintest.Passed
	CheckFailed  = plugintest.Failed
	CheckSkipped = plugintest.Skipped
	CheckNotRun  = plugintest.NotRun
)

// Check is one that a plugin is held to.
type Check = conformance.Check

// Checks lists the checks of a kind.
func Checks(k sdk.Kind) []Check { return plugintest.Checks(k) }

// TestOptions say which plugin of the file is tested, and how.
type TestOptions = plugintest.Options

// SinkOptions say what only the author of a sink knows.
type SinkOptions = plugintest.SinkOptions

// ErrNotTested is the cause of a test that the options do not allow.
var ErrNotTested = plugintest.ErrNotTested

// Test tests a plugin of a pipeline file. The error says that it could not be tested; that it fails
// checks is in the results.
func Test(ctx context.Context, p *core.Pipeline, o TestOptions) ([]CheckResult, error) {
	return p.Conformance(ctx, o)
}
