// Files of attachments, if enabled: the host writes them from the server to its disk. They never
// pass through the plugin.

package jira

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/scrapekit/scrapekit/plugins/sources/jira/internal/record"
	"github.com/scrapekit/scrapekit/plugins/sources/jira/internal/rest"
	"github.com/scrapekit/scrapekit/sdk"
	"github.com/scrapekit/scrapekit/sdk/reply"
)

// keepFiles has the host keep the attachments of an issue. If one cannot be read, only its own
// record says so.
func (r *walkReader) keepFiles(ctx context.Context, it *item) error {
	if !r.source.KeepFiles || !r.wants(attachmentsStream) {
		return nil
	}
	it.files = map[string]record.Kept{}
	for _, raw := range rest.Elements(rest.Open(it.issue.fieldsRaw()).Raw("attachment")) {
		a := rest.Open(raw)
		id := a.Text("id")
		if id == "" {
			continue
		}
		kept, err := r.keepFile(ctx, it, id, a)
		if err != nil {
			return fmt.Errorf("%s: attachment %s: %w", it.issue.key, id, err)
		}
		it.files[id] = kept
	}
	return nil
}

// keepFile has the host keep one attachment. An attachment never changes under its id. The reply is
// compared with the attachment's record, because a login page, or a part of the file, is not the
// file.
func (r *walkReader) keepFile(ctx context.Context, it *item, id string, a rest.Members) (record.Kept, error) {
	address := a.Text("content")
	if address == "" {
		return record.Kept{Problem: "its record has no address"}, nil
	}
	target, err := r.source.base.Parse(address)
	if err != nil {
		return record.Kept{Problem: "its address is no URL"}, nil //nolint:nilerr // reported in the record
	}
	expect := reply.Expect{Type: a.Text("mimeType")}
	if size, ok := a.Int("size"); ok {
		expect.Size = &size
	}
	sdk.Count(ctx, "requests/files", 1)
	file, err := sdk.Keep(ctx, r.source.base.String()+" attachment "+id, target.String(), expect)
	if err == nil {
		sdk.Count(ctx, "files/kept", 1)
		return record.Kept{File: &file}, nil
	}
	var none *reply.NotKept
	if !errors.As(err, &none) {
		return record.Kept{}, err // an error of the host's folder, or a pause
	}
	sdk.Count(ctx, "files/not kept", 1)
	if lasting(none) {
		return record.Kept{Problem: problem(none)}, nil
	}
	if err := r.client.Working(ctx); err != nil {
		return record.Kept{}, err
	}
	it.lacks++
	if none.Problem == "" && !r.source.patience.Over("file of attachment "+id, none) {
		it.failed = fmt.Errorf("%s: attachment %s: %w", it.issue.key, id, none)
		return record.Kept{}, nil
	}
	sdk.Missing(ctx, "files of attachments", errors.New(cause(none)))
	return record.Kept{Problem: problem(none)}, nil
}

// lasting reports whether the file does not exist for this account, or is too large, so that
// another request would not help.
func lasting(none *reply.NotKept) bool {
	if none.TooLong {
		return true
	}
	switch none.Status {
	case http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests, http.StatusUnauthorized:
		return false
	}
	return none.Status >= http.StatusMultipleChoices && none.Status < http.StatusInternalServerError
}

// cause returns why there is no file, with the same words for all files of one cause.
func cause(none *reply.NotKept) string {
	if led := (*reply.Redirected)(nil); errors.As(none.Err, &led) {
		return fmt.Sprintf("%d %s to %s", led.Status, http.StatusText(led.Status), led.Advice("url"))
	}
	return strings.TrimPrefix(problem(none), "GET "+none.URL+": ")
}

// problem returns why there is no file.
func problem(none *reply.NotKept) string {
	led := (*reply.Redirected)(nil)
	switch {
	case errors.As(none.Err, &led):
		return led.Explain("url")
	case none.Err != nil:
		return none.Err.Error()
	case none.Problem != "":
		return none.Problem
	}
	return fmt.Sprintf("%d %s", none.Status, http.StatusText(none.Status))
}
