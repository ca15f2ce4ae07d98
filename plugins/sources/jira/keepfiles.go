// Attachments' bytes, on request: from the server to the host's disk, never through here.

package jira

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"github.com/scrapekit/scrapekit/plugins/sources/jira/internal/record"
	"github.com/scrapekit/scrapekit/plugins/sources/jira/internal/rest"
	"github.com/scrapekit/scrapekit/sdk"
)

// keepFiles has the host keep the attachments of an issue. One that is gone, forbidden or too long costs only itself: its
// record says so.
func (r *walkReader) keepFiles(ctx context.Context, it *item) error {
	if !r.source.KeepFiles || !r.wants(attachmentsStream) {
		return nil
	}
	it.files = map[string]record.Kept{}
	for _, raw := range rest.Elements(rest.Open(it.issue.fieldsRaw()).Raw("attachment")) {
		a := rest.Open(raw)
		id, address := a.Text("id"), a.Text("content")
		if id == "" || address == "" {
			continue
		}
		kept, err := r.keepFile(ctx, id, address)
		if err != nil {
			return fmt.Errorf("%s: attachment %s: %w", it.issue.key, id, err)
		}
		it.files[id] = kept
	}
	return nil
}

// keepFile has one attachment kept. It never changes under its id.
func (r *walkReader) keepFile(ctx context.Context, id, address string) (record.Kept, error) {
	target, err := r.source.base.Parse(address)
	if err != nil {
		return record.Kept{Problem: "its address is no URL"}, nil //nolint:nilerr // told in the record
	}
	sdk.Count(ctx, "requests/files", 1)
	file, err := sdk.Keep(ctx, r.source.base.String()+" attachment "+id, target.String())
	var none *sdk.NotKept
	switch {
	case err == nil:
		sdk.Count(ctx, "files/kept", 1)
		return record.Kept{File: &file}, nil
	case errors.As(err, &none) && none.Status < http.StatusInternalServerError && none.Status != http.StatusUnauthorized:
		sdk.Count(ctx, "files/not kept", 1)
		return record.Kept{Problem: fmt.Sprintf("%d %s", none.Status, http.StatusText(none.Status))}, nil
	}
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		err = wrapped.Err // it names the URL itself
	}
	return record.Kept{}, err
}
