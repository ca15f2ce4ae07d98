// authorized adds credentials to requests for the hosts that they belong to.

package fetch

import (
	"encoding/base64"
	"net/http"
)

func authorized(a *Auth) decorator {
	return func(next http.RoundTripper) http.RoundTripper {
		if a == nil {
			return next
		}
		name, value := a.header()
		return roundTrip(func(req *http.Request) (*http.Response, error) {
			if !coveredBy(a.Origins, exchangeOf(req).origin) {
				return next.RoundTrip(req)
			}
			req = req.Clone(req.Context())
			req.Header.Set(name, value)
			return next.RoundTrip(req)
		})
	}
}

// header returns the name and the value of the header that carries the credential; "" if there is none.
func (a *Auth) header() (name, value string) {
	if a == nil {
		return "", ""
	}
	switch a.Kind {
	case AuthBasic:
		return "Authorization", "Basic " + base64.StdEncoding.EncodeToString([]byte(a.User+":"+a.Password))
	case AuthBearer:
		return "Authorization", "Bearer " + a.Token
	case AuthHeader:
		return http.CanonicalHeaderKey(a.Header), a.Value
	}
	return "", ""
}
