package main

import (
	"bytes"
	"testing"

	"github.com/scrapekit/scrapekit/sdk"
	"github.com/scrapekit/scrapekit/sdk/sdktest"
)

func batch(records ...string) sdk.Batch {
	out := sdk.Batch{Stream: "records", Count: len(records)}
	for _, r := range records {
		out.Payload = append(append(out.Payload, r...), '\n')
	}
	return out
}

var theCase = sdktest.TransformCase{
	Config: map[string]any{"reject_every": 3},
	Input:  []sdk.Batch{batch(`{"id":"a"}`, `{"id":"b"}`), batch(`{"id":"c"}`, `{"id":"d"}`)},
	Check: func(t *testing.T, out []sdk.Batch, rejects sdk.Rejects) {
		if len(rejects) != 1 || len(out) != 2 ||
			!bytes.Equal(out[1].Payload, []byte(`{"n":4,"record":{"id":"d"}}`+"\n")) {
			t.Errorf("%d rejects and %v", len(rejects), out)
		}
	},
}

func TestTransform(t *testing.T) {
	t.Parallel()
	sdktest.TestTransform(t, plugin(), theCase)
}

// TestCrash kills it between its calls: what comes out after that is what would have come.
func TestCrash(t *testing.T) {
	t.Parallel()
	sdktest.CrashTransform(t, plugin(), func(*testing.T, string) any { return theCase.Config }, theCase)
}
