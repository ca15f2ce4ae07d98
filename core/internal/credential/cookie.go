package credential

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"golang.org/x/net/http/httpguts"

	"github.com/scrapekit/scrapekit/core/internal/redact"
)

// Cookie is one cookie, in addition to those of the plugin.
type Cookie struct{ Name, Value string }

func readCookie(r Reader) Value {
	c := Cookie{headerName(r, "name"), headerValue(r, "value")}
	if strings.ContainsAny(c.Value, ";,") {
		r.Report("value", Wrong, "write one auth block for each cookie", "value holds more than one cookie")
	}
	return c
}

func (c Cookie) Places() []Place { return []Place{{InCookie, c.Name}} }

func (c Cookie) Put(req *http.Request, _ []byte) error {
	AddCookie(req, c.Name+"="+c.Value)
	return nil
}

func (c Cookie) Check() error {
	if !httpguts.ValidHeaderFieldName(c.Name) {
		return fmt.Errorf("%q cannot be the name of a cookie", c.Name)
	}
	if strings.ContainsAny(c.Value, ";,") {
		return errors.New("the value holds more than one cookie")
	}
	return checkTexts(c.Value)
}

func (c Cookie) Hide(set *redact.Set) { set.Add(c.Value) }

func (c Cookie) Sent() string { return c.Value }

func (c Cookie) Map(f func(string) string) Value { return Cookie{c.Name, f(c.Value)} }

// AddCookie adds a cookie ("name=value") to those of req.
func AddCookie(req *http.Request, pair string) {
	if have := req.Header.Get("Cookie"); have != "" {
		pair = have + "; " + pair
	}
	req.Header.Set("Cookie", pair)
}
