package fetch

import (
	"net/http"
	"time"

	"github.com/scrapekit/scrapekit/core/internal/fetch/trip"
	"github.com/scrapekit/scrapekit/sdk/host/hint"
)

// exchange is what the retries, the breaker and the pace know of a request beside its facts.
type exchange struct {
	*trip.Facts
	host *host

	sentBefore bool          // an attempt has gone already
	firstByte  time.Duration // from the last attempt's connection to the head of its reply

	clock   *clock
	classes []hint.Class
	shape   string      // of the request; see shapeOf
	word    word        // what the last attempt's reply says of limits
	class   *hint.Class // which of classes it is; nil: none
	held    string      // what it waits for; "" if for nothing
	probe   bool        // it goes to find out whether the host is back
	probed  bool        // it did, in vain, for a host that is waited for
}

type exchangeKey struct{}

func exchangeOf(req *http.Request) *exchange {
	return req.Context().Value(exchangeKey{}).(*exchange)
}
