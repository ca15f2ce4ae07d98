// Error replies, and what to do about each.

package rest

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"mime"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/scrapekit/scrapekit/sdk"
	"github.com/scrapekit/scrapekit/sdk/reply"
)

// A statusError is a reply with a status other than 200.
type statusError struct {
	where  string
	status int
	says   string // Jira's message, if any
	tried  string // what the host tried before
	hint   string
}

func (e *statusError) Error() string {
	if e.hint != "" {
		return e.brief() + "; " + e.hint
	}
	return e.brief()
}

func (e *statusError) brief() string {
	s := fmt.Sprintf("%d %s from %s", e.status, http.StatusText(e.status), e.where)
	if e.says != "" {
		s += ": " + e.says
	}
	if e.tried != "" {
		s += " (" + e.tried + ")"
	}
	return s
}

// Brief returns the text of an error without its advice, for a read that continues without the
// item.
func Brief(err error) string {
	var e *statusError
	if errors.As(err, &e) {
		return e.brief()
	}
	return err.Error()
}

// Status returns the status of the reply behind err, or 0.
func Status(err error) int {
	var e *statusError
	if errors.As(err, &e) {
		return e.status
	}
	return 0
}

// Forbidden reports whether err says that this account lacks a permission.
func Forbidden(err error) bool {
	status := Status(err)
	return status == http.StatusUnauthorized || status == http.StatusForbidden
}

// Gone reports whether err says that the item does not exist, or not for this account.
func Gone(err error) bool {
	status := Status(err)
	return status == http.StatusNotFound || status == http.StatusForbidden
}

// judge returns nil for a reply that can be decoded. It reads the body of any other.
func (c *Client) judge(ctx context.Context, resp *http.Response, path string) error {
	if resp.StatusCode != http.StatusOK {
		return c.judgeStatus(ctx, resp, path)
	}
	if failed(resp) || locked(resp) { // then it answered as to an anonymous caller, often with an empty list
		return refused(resp, resp.Header.Get("X-Seraph-LoginReason"))
	}
	if kind, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type")); kind == "text/html" {
		why := "a login page or a proxy is in front of Jira, or url lacks the context path (https://host/jira)"
		if led := reply.RedirectOf(resp.Request); led != nil {
			why = led.Explain("url")
		}
		return sdk.RetryAfter(&otherReply{Where(resp),
			fmt.Sprintf("an HTML page%s instead of JSON: %s", title(resp.Body), why)}, soon)
	}
	return nil
}

func (c *Client) judgeStatus(ctx context.Context, resp *http.Response, path string) error {
	body, err := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	if err != nil {
		return &failedRequest{fmt.Errorf("%s: %d, and the reply broke off: %w", Where(resp), resp.StatusCode, err)}
	}
	e := &statusError{where: Where(resp), status: resp.StatusCode, says: messages(body), tried: reply.GaveUp(resp)}
	switch resp.StatusCode {
	case http.StatusBadRequest:
		e.hint = "check jql and projects; to the account, what it may not see does not exist"
	case http.StatusUnauthorized, http.StatusForbidden:
		if err := c.login(ctx, resp, path, e.says); err != nil {
			return err
		}
		e.hint = "the account may not do this: check its permissions and http.auth"
		if resp.StatusCode == http.StatusUnauthorized {
			e.hint = cmp.Or(reply.Login(resp),
				"the credentials were refused, or the site allows no anonymous access: set http.auth")
		}
	case http.StatusNotFound:
		e.hint = "check that url is the base of a Jira, with its context path (https://host/jira)"
	case http.StatusGone:
		e.hint = "the search API that was used (/search and /search/jql differ in its parameters for jql) is gone " +
			"here: set flavour to \"cloud\", or \"auto\" to ask the server"
	case http.StatusTooManyRequests:
		after, _ := strconv.Atoi(resp.Header.Get("Retry-After"))
		return sdk.RetryAfter(e, time.Duration(after)*time.Second)
	case http.StatusInternalServerError:
		if strings.Contains(e.says, "limit exceeded") {
			return sdk.Permanent(e) // see send
		}
		return e
	default:
		if resp.StatusCode >= 500 || resp.StatusCode == http.StatusRequestTimeout ||
			resp.StatusCode == http.StatusTooEarly {
			return e
		}
	}
	if led := reply.RedirectOf(resp.Request); led != nil {
		e.hint = led.Explain("url")
	}
	return sdk.Permanent(e)
}

// messages extracts Jira's messages from an error body, in any of the formats of its parts.
func messages(body []byte) string {
	var m struct {
		ErrorMessages []string        `json:"errorMessages"`
		Errors        json.RawMessage `json:"errors"`
		Message       string          `json:"message"`
	}
	if json.Unmarshal(body, &m) != nil {
		return strings.TrimPrefix(title(strings.NewReader(string(body))), " ")
	}
	says := m.ErrorMessages
	var byField map[string]string
	if json.Unmarshal(m.Errors, &byField) == nil {
		for _, field := range slices.Sorted(maps.Keys(byField)) {
			says = append(says, field+": "+byField[field])
		}
	}
	if m.Message != "" {
		says = append(says, m.Message)
	}
	return strings.TrimSuffix(strings.Join(says, " "), ".")
}

var titleTag = regexp.MustCompile(`(?is)<title[^>]*>\s*(.{1,200}?)\s*</title>`)

// title returns the quoted title of an HTML page with a space in front; "" if there is none.
func title(body io.Reader) string {
	page, err := io.ReadAll(io.LimitReader(body, 16<<10))
	if err != nil {
		return ""
	}
	m := titleTag.FindSubmatch(page)
	if m == nil {
		return ""
	}
	return fmt.Sprintf(" (%q)", m[1])
}
