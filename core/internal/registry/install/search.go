// Search in indexes, which are lists of plugins that anybody can keep; scrapekit has none of its
// own.

package install

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/scrapekit/scrapekit/core/internal/registry/artifact"
	"github.com/scrapekit/scrapekit/core/internal/registry/remote"
	"github.com/scrapekit/scrapekit/sdk"
)

// Entry is a plugin of an index.
type Entry struct {
	Source      string   `json:"source"`
	Name        string   `json:"name"`
	Kind        sdk.Kind `json:"kind,omitempty"`
	Description string   `json:"description,omitempty"`
	Index       string   `json:"index,omitempty"` // the index with this entry
}

const indexTimeout = 30 * time.Second

// Search returns plugins whose source, name, kind or description contain all words of the term.
// indexes are files or URLs of {"plugins": [{"source": "…", "name": "…", "kind": "…",
// "description": "…"}]}, or folders: oci-layout:PATH.
func Search(ctx context.Context, indexes []string, dir, term string) ([]Entry, error) {
	var out []Entry
	for _, index := range indexes {
		entries, err := readIndex(ctx, index, dir)
		if err != nil {
			return nil, fmt.Errorf("index %s: %w", index, err)
		}
		for _, e := range entries {
			if e.matches(term) {
				e.Index = index
				out = append(out, e)
			}
		}
	}
	slices.SortStableFunc(out, func(a, b Entry) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name),
			cmp.Compare(a.Source, b.Source))
	})
	return slices.CompactFunc(out, func(a, b Entry) bool { return a.Source == b.Source }), nil
}

func (e Entry) matches(term string) bool {
	text := strings.ToLower(strings.Join([]string{e.Source, e.Name, string(e.Kind), e.Description}, " "))
	for _, word := range strings.Fields(strings.ToLower(term)) {
		if !strings.Contains(text, word) {
			return false
		}
	}
	return true
}

func readIndex(ctx context.Context, index, dir string) ([]Entry, error) {
	if folder, ok := strings.CutPrefix(index, "oci-layout:"); ok {
		return folderIndex(folder, dir)
	}
	body, err := openIndex(ctx, index, dir)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	raw, err := io.ReadAll(artifact.Bounded(body, artifact.MaxMetadata))
	if err != nil {
		return nil, err
	}
	var list struct {
		Plugins []Entry `json:"plugins"`
	}
	if err := json.Unmarshal(raw, &list); err != nil {
		return nil, fmt.Errorf(`not a list of plugins, {"plugins": [{"source": "…"}]}: %w`, err)
	}
	for _, e := range list.Plugins {
		if _, err := artifact.ParseSource(e.Source); err != nil {
			return nil, err
		}
	}
	return list.Plugins, nil
}

func folderIndex(folder, dir string) ([]Entry, error) {
	if !filepath.IsAbs(folder) {
		folder = filepath.Join(dir, folder)
	}
	names, err := remote.Names(folder)
	var out []Entry
	for _, name := range names {
		out = append(out, Entry{Source: "oci-layout:" + folder + "#" + name, Name: artifact.ShortName(name)})
	}
	return out, err
}

func openIndex(ctx context.Context, index, dir string) (io.ReadCloser, error) {
	if !strings.Contains(index, "://") {
		if !filepath.IsAbs(index) {
			index = filepath.Join(dir, index)
		}
		return os.Open(index)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, index, nil)
	if err != nil {
		return nil, err
	}
	if request.URL.Scheme != "https" && !artifact.IsLoopback(request.URL.Host) {
		return nil, errors.New("only https:// is allowed, and http:// on this machine")
	}
	client := &http.Client{Timeout: indexTimeout, CheckRedirect: remote.KeepHTTPS}
	response, err := client.Do(request)
	if err != nil {
		return nil, err
	}
	if response.StatusCode != http.StatusOK {
		return nil, errors.Join(fmt.Errorf("it answers %s", response.Status), response.Body.Close())
	}
	return response.Body, nil
}
