// Files of releases behind HTTPS.

package remote

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"

	jsonx "github.com/go-json-experiment/json"

	"github.com/scrapekit/scrapekit/core/internal/registry/artifact"
)

// web requests files with one client.
type web struct{ client *http.Client }

// get returns the body of a reply with at most most bytes. It requests no compression, because
// digests are of the stored bytes.
func (w web) get(ctx context.Context, link string, most int64, header http.Header) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, link, nil)
	if err != nil {
		return nil, err
	}
	req.Header = header.Clone()
	if req.Header == nil {
		req.Header = http.Header{}
	}
	req.Header.Set("User-Agent", userAgent)
	req.Header.Set("Accept-Encoding", "identity")
	resp, err := w.client.Do(req)
	if err != nil {
		return nil, err
	}
	switch {
	case resp.StatusCode == http.StatusNotFound || resp.StatusCode == http.StatusGone:
		err = fmt.Errorf("%w: %s: %s", ErrNotFound, link, resp.Status)
	case resp.StatusCode != http.StatusOK:
		err = &statusError{link, resp}
	case resp.ContentLength > most:
		err = fmt.Errorf("%s: %w: %d bytes, at most %d are taken", link, artifact.ErrTooLong, resp.ContentLength, most)
	default:
		return resp, nil
	}
	return nil, errors.Join(err, resp.Body.Close())
}

// statusError is a reply with an error status.
type statusError struct {
	link string
	resp *http.Response
}

func (e *statusError) Error() string { return e.link + ": " + e.resp.Status }

// httpsPlace is a folder at a URL.
type httpsPlace struct {
	web
	base string
}

func openHTTPS(s artifact.Source, o Options) Remote {
	return &filesRemote{s, &httpsPlace{web{o.client()}, s.Text}}
}

func (h *httpsPlace) open(ctx context.Context, v artifact.Version, name string, most int64) (io.ReadCloser, error) {
	resp, err := h.get(ctx, h.base+"/"+v.String()+"/"+url.PathEscape(name), most, nil)
	if err != nil {
		return nil, err
	}
	return resp.Body, nil
}

func (h *httpsPlace) versions(ctx context.Context) ([]artifact.Version, error) {
	resp, err := h.get(ctx, h.base+"/"+artifact.VersionsFile, artifact.MaxMetadata, nil)
	if errors.Is(err, ErrNotFound) {
		return nil, fmt.Errorf("%w; demand one exact version, which needs no list", err)
	}
	if err != nil {
		return nil, err
	}
	raw, err := io.ReadAll(artifact.Bounded(resp.Body, artifact.MaxMetadata))
	if err = errors.Join(err, resp.Body.Close()); err != nil {
		return nil, fmt.Errorf("%s: %w", artifact.VersionsFile, err)
	}
	return parseVersions(raw)
}

// versionsList is the content of versions.json.
type versionsList struct {
	Versions []string `json:"versions"`
}

func parseVersions(raw []byte) ([]artifact.Version, error) {
	var list versionsList
	if err := jsonx.Unmarshal(raw, &list); err != nil {
		return nil, fmt.Errorf("%s: %w", artifact.VersionsFile, err)
	}
	var out []artifact.Version
	for _, text := range list.Versions {
		v, err := artifact.ParseVersion(text)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", artifact.VersionsFile, err)
		}
		out = append(out, v)
	}
	return out, nil
}
