// Replay: a remote system that is a recording of one.

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
// Requests are known by method and URL, whatever the order of the query and of the requests; a value that the recording
// hides matches any. Of replies to one request the last comes again and again. A request that is not there fails, permanently.
// The lines may be shortened and changed by hand.
func Replay(t testing.TB, file string) http.RoundTripper {
	t.Helper()
	r, err := conformance.OpenReplay(file)
	if err != nil {
		t.Fatal(err)
	}
	return r
}
