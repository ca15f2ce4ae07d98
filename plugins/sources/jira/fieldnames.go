// Names of custom fields, requested once for each process.

package jira

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/scrapekit/scrapekit/plugins/sources/jira/internal/record"
	"github.com/scrapekit/scrapekit/plugins/sources/jira/internal/rest"
	"github.com/scrapekit/scrapekit/sdk"
)

// fieldNames caches them for the reads of a process. A field that is created meanwhile appears
// under its id until the next process.
type fieldNames struct {
	mu     ctxMutex
	fields record.Fields
}

// fieldsOf returns the custom fields of the site.
func (s *Source) fieldsOf(ctx context.Context, at rest.Site) (record.Fields, error) {
	if err := s.names.mu.lock(ctx); err != nil {
		return nil, err
	}
	defer s.names.mu.unlock()
	if s.names.fields != nil {
		return s.names.fields, nil
	}
	var all []json.RawMessage
	_, err := s.client(ctx).GetJSON(ctx, at.API()+"/field", nil, &all)
	if refusal(err) {
		sdk.Log(ctx).Warn("custom fields go by their ids: the server does not tell their names", "error", err)
		s.names.fields = record.Fields{}
		return s.names.fields, nil
	}
	if err != nil {
		return nil, fmt.Errorf("names of fields: %w", err)
	}
	s.names.fields = record.FieldsOf(all)
	return s.names.fields, nil
}

// refusal reports whether err says that this account may not have what was requested, or that the
// site does not have it.
func refusal(err error) bool {
	switch rest.Status(err) {
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusMethodNotAllowed,
		http.StatusGone:
		return true
	}
	return false
}
