// The error of a request that was given up: every attempt, and why.

package retry

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/scrapekit/scrapekit/core/internal/fetch/fault"
	"github.com/scrapekit/scrapekit/core/internal/fetch/limits"
	"github.com/scrapekit/scrapekit/sdk"
)

// tally counts causes, in the order of their first occurrence.
type tally struct {
	causes []string
	counts map[string]int
	total  int
}

func (t *tally) add(cause string) {
	if t.counts == nil {
		t.counts = map[string]int{}
	}
	if t.counts[cause] == 0 {
		t.causes = append(t.causes, cause)
	}
	t.counts[cause]++
	t.total++
}

// String is for example "connection reset (2×), 503 Service Unavailable".
func (t *tally) String() string {
	var all []string
	for _, c := range t.causes {
		if n := t.counts[c]; n > 1 {
			c = fmt.Sprintf("%s (%d×)", c, n)
		}
		all = append(all, c)
	}
	return strings.Join(all, ", ")
}

// gaveUp is for example "gave up after 4 attempts in 12 s: connection reset (2×), 503 Service
// Unavailable (2×)".
func (t *attempts) gaveUp() string {
	attempts := fmt.Sprintf("%d attempts", t.causes.total)
	if t.causes.total == 1 {
		attempts = "one attempt"
	}
	return join("; ", fmt.Sprintf("gave up after %s in %s: %s", attempts, limits.Short(time.Since(t.start)),
		t.causes.String()), t.whyOnce())
}

// whyOnce says why a temporary failure was not retried; "": obvious.
func (t *attempts) whyOnce() string {
	if !t.once {
		return ""
	}
	return fmt.Sprintf("a %s is not sent twice unless its plugin marks it as idempotent", t.req.Method)
}

// isAttempt reports whether the last outcome is one of a request that was sent, rather than held
// back because the host is down or asks for too long a pause.
func (t *attempts) isAttempt() bool {
	return t.last.Cause != "canceled" && t.last.Cause != "down" && t.last.Cause != "pause"
}

// otherReason returns what ended the attempts, if it was no attempt.
func (t *attempts) otherReason(err error) string {
	if t.last.Cause == "down" || t.last.Cause == "pause" {
		return err.Error()
	}
	return ""
}

// classed gives err the class for the plugin.
func (t *attempts) classed(err error) error {
	var late *deadlineError
	if errors.As(err, &late) {
		tried := "it was never sent"
		if t.causes.total > 0 {
			tried = t.gaveUp()
		}
		return fault.WithText(join("; ", late.Error(), t.call.Held, tried), err)
	}
	if t.last.Rule().Permanent || t.last.Verdict == fault.Never {
		return sdk.Permanent(err)
	}
	return err
}

// join joins the texts that are not empty.
func join(by string, texts ...string) string {
	var all []string
	for _, s := range texts {
		if s != "" {
			all = append(all, s)
		}
	}
	return strings.Join(all, by)
}
