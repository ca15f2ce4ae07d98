// Files of GitHub releases.

package remote

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/scrapekit/scrapekit/core/internal/registry/artifact"
)

const (
	githubURL = "https://github.com"
	githubAPI = "https://api.github.com"
	// perPage is the largest page of GitHub's API. maxReleasePages bounds the pages that it lists.
	perPage         = 100
	maxReleasePages = 100
)

// githubPlace is a repository. Without a token, files come from the browser's URLs, which are not
// limited like the API. Files of a private repository need the API.
type githubPlace struct {
	web
	pages, api string // URLs of the repository
	token      string
}

func openGitHub(s artifact.Source, o Options) Remote {
	pages, api := githubURL, githubAPI
	if o.GitHubURL != "" {
		pages = o.GitHubURL
	}
	if o.GitHubAPI != "" {
		api = o.GitHubAPI
	}
	return &filesRemote{s, &githubPlace{web{o.client()}, pages + "/" + s.Path, api + "/repos/" + s.Path, o.GitHubToken}}
}

// githubRelease is a release in the API's reply.
type githubRelease struct {
	Tag        string `json:"tag_name"`
	Draft      bool   `json:"draft"`
	Prerelease bool   `json:"prerelease"`
	Assets     []struct {
		ID   int64  `json:"id"`
		Name string `json:"name"`
	} `json:"assets"`
}

// tags returns the possible tags of a version.
func tags(v artifact.Version) []string { return []string{"v" + v.String(), v.String()} }

// versions omits drafts, and prereleases whose version does not say so.
func (g *githubPlace) versions(ctx context.Context) ([]artifact.Version, error) {
	var out []artifact.Version
	for page := 1; page <= maxReleasePages; page++ {
		var all []githubRelease
		if err := g.ask(ctx, "/releases?per_page="+strconv.Itoa(perPage)+"&page="+strconv.Itoa(page),
			&all); err != nil {
			return nil, err
		}
		for _, r := range all {
			v, err := artifact.ParseVersion(strings.TrimPrefix(r.Tag, "v"))
			if err == nil && !r.Draft && (!r.Prerelease || v.Prerelease()) {
				out = append(out, v)
			}
		}
		if len(all) < perPage {
			break
		}
	}
	return out, nil
}

func (g *githubPlace) open(ctx context.Context, v artifact.Version, name string, most int64) (io.ReadCloser, error) {
	get := g.download
	if g.token != "" {
		get = g.asset
	}
	var missing error
	for _, tag := range tags(v) {
		body, err := get(ctx, tag, name, most)
		if !errors.Is(err, ErrNotFound) {
			return body, err
		}
		if missing == nil {
			missing = err
		}
	}
	return nil, missing
}

func (g *githubPlace) download(ctx context.Context, tag, name string, most int64) (io.ReadCloser, error) {
	resp, err := g.get(ctx, g.pages+"/releases/download/"+tag+"/"+url.PathEscape(name), most, nil)
	if err != nil {
		return nil, err
	}
	return resp.Body, nil
}

// asset downloads a file of a release through the API.
func (g *githubPlace) asset(ctx context.Context, tag, name string, most int64) (io.ReadCloser, error) {
	var r githubRelease
	if err := g.ask(ctx, "/releases/tags/"+tag, &r); err != nil {
		return nil, err
	}
	for _, a := range r.Assets {
		if a.Name == name {
			resp, err := g.get(ctx, g.api+"/releases/assets/"+strconv.FormatInt(a.ID, 10), most,
				g.header("application/octet-stream"))
			if err != nil {
				return nil, g.explain(err)
			}
			return resp.Body, nil
		}
	}
	return nil, fmt.Errorf("%w: release %s has no file %s", ErrNotFound, tag, name)
}

// ask requests JSON from the API.
func (g *githubPlace) ask(ctx context.Context, path string, into any) error {
	resp, err := g.get(ctx, g.api+path, artifact.MaxMetadata, g.header("application/vnd.github+json"))
	if err != nil {
		return g.explain(err)
	}
	raw, err := io.ReadAll(artifact.Bounded(resp.Body, artifact.MaxMetadata))
	if err == nil {
		err = json.Unmarshal(raw, into)
	}
	if err = errors.Join(err, resp.Body.Close()); err != nil {
		return fmt.Errorf("the list of releases: %w", err)
	}
	return nil
}

func (g *githubPlace) header(accept string) http.Header {
	h := http.Header{"Accept": {accept}}
	if g.token != "" {
		h.Set("Authorization", "Bearer "+g.token)
	}
	return h
}

// explain adds advice to an error.
func (g *githubPlace) explain(err error) error {
	var status *statusError
	if !errors.As(err, &status) {
		return err
	}
	switch code := status.resp.StatusCode; {
	case code == http.StatusUnauthorized:
		return fmt.Errorf("%w: GITHUB_TOKEN is refused", err)
	case code != http.StatusForbidden && code != http.StatusTooManyRequests ||
		status.resp.Header.Get("X-Ratelimit-Remaining") != "0":
		return err
	case g.token == "":
		return fmt.Errorf("%w: the hour's requests of this address are used up; set GITHUB_TOKEN, or demand an "+
			"exact version", err)
	}
	return fmt.Errorf("%w: the hour's requests of GITHUB_TOKEN are used up", err)
}
