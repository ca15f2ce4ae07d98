// Replay: a recording in place of a remote system.

package sdktest

import (
	"net/http"
	"testing"

	"github.com/scrapekit/scrapekit/sdk/conformance"
)

// Replay returns a transport for [sdk.Host] that answers from a recording of a real run, made by
//
//	scrapekit run FILE --full --record a.rec
//	scrapekit recording show a.rec --json > testdata/a.jsonl
//
// Requests are matched by method and URL, in any order of requests and of query parameters; a value
// that the recording hides matches any value. If a request has several replies, the last one is
// repeated. A request that is not in the recording fails permanently. You may shorten and edit the
// lines by hand.
func Replay(t testing.TB, file string) http.RoundTripper {
	t.Helper()
	r, err := conformance.OpenReplay(file)
	if err != nil {
		t.Fatal(err)
	}
	return r
}
