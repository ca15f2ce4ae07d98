// The conformance suite, in this process and across the wire.

package llm_test

import (
	"testing"

	"github.com/scrapekit/scrapekit/plugins/transforms/llm"
	"github.com/scrapekit/scrapekit/sdk"
	"github.com/scrapekit/scrapekit/sdk/sdktest"
)

func TestConformance(t *testing.T) {
	const issue = `{"id":"1","key":"ACME-1","summary":"The cache grows without end","description":` +
		`"Each lookup of a missing key adds an entry that is never removed, so memory grows by a megabyte a minute ` +
		`under load.","type":"Bug"}`
	sdktest.TestTransform(t, llm.Plugin(), sdktest.TransformCase{
		Config: map[string]any{"min_chars": 50},
		Input: []sdk.Batch{
			{Stream: "issues", Count: 2, Payload: []byte(issue + "\n" + `{"key":"ACME-2","key":"ACME-3"}` + "\n")},
			{Stream: "comments", Count: 1, Payload: []byte(`{"id":"7"}` + "\n")},
			{Stream: "issues", Op: sdk.Delete, Count: 1, Payload: []byte(`{"id":"1"}` + "\n")},
		},
		Check: func(t *testing.T, out []sdk.Batch, rejects sdk.Rejects) {
			// A document, a summary and a type; the comment; the deletes of both streams.
			if len(out) != 5 || len(rejects) != 1 {
				t.Errorf("%d batches, %d rejects: %v", len(out), len(rejects), out)
			}
		},
	})
}
