// The site: which flavour of Jira it is, its time, the account, and the projects that it shows.

package jira

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/scrapekit/scrapekit/plugins/sources/jira/internal/rest"
	"github.com/scrapekit/scrapekit/sdk"
)

// siteOnce caches the site for the reads of a process. A plan asks again.
type siteOnce struct {
	turn    ctxMutex
	site    *rest.Site
	checked *checked
}

// checked is the result of a check, for the plan that follows it.
type checked struct {
	at       rest.Site
	who      string
	projects []string
	when     time.Time
}

// checkedFor is how long a plan may use the result of a check.
const checkedFor = time.Minute

// ctxMutex is a mutex around a request: waiting for it ends with the context.
type ctxMutex chan struct{}

func newTurn() ctxMutex { return make(ctxMutex, 1) }

func (t ctxMutex) lock(ctx context.Context) error {
	select {
	case t <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (t ctxMutex) unlock() { <-t }

// known returns the site. It asks the server if no call in this process has.
func (s *Source) known(ctx context.Context) (rest.Site, error) {
	if err := s.site.turn.lock(ctx); err != nil {
		return rest.Site{}, err
	}
	defer s.site.turn.unlock()
	if s.site.site != nil {
		return *s.site.site, nil
	}
	return s.ask(ctx)
}

// lately returns the result of a check just before, once; nil if there was none.
func (s *Source) lately(ctx context.Context) (*checked, error) {
	if err := s.site.turn.lock(ctx); err != nil {
		return nil, err
	}
	defer s.site.turn.unlock()
	found := s.site.checked
	s.site.checked = nil
	if found == nil || time.Since(found.when) > checkedFor {
		return nil, nil
	}
	return found, nil
}

// detect asks the server, even if the site is known.
func (s *Source) detect(ctx context.Context) (rest.Site, error) {
	if err := s.site.turn.lock(ctx); err != nil {
		return rest.Site{}, err
	}
	defer s.site.turn.unlock()
	return s.ask(ctx)
}

type serverInfo struct {
	BaseURL        string `json:"baseUrl"`
	Version        string `json:"version"`
	DeploymentType string `json:"deploymentType"`
	ServerTime     string `json:"serverTime"`
}

// ask requests serverInfo. The host name does not tell the flavour: a site may move from one to the
// other under the same name.
func (s *Source) ask(ctx context.Context) (rest.Site, error) {
	var info serverInfo
	header, err := s.client(ctx).GetJSON(ctx, "/rest/api/2/serverInfo", nil, &info)
	if err == nil && info == (serverInfo{}) {
		err = errors.New("the reply says nothing that a Jira says: no baseUrl, no version, no deploymentType")
	}
	if err != nil {
		return rest.Site{}, fmt.Errorf("server info: %w", err)
	}
	found := rest.Site{Flavour: s.Flavour, Browse: s.base.String(), Asked: time.Now()}
	found.Now = found.Clock(header)
	if ms, ok := rest.ParseTime(info.ServerTime); ok { // more exact than the Date of a proxy before Jira
		stated := time.UnixMilli(ms)
		if !found.Now.IsZero() {
			found.Skew = stated.Sub(found.Now)
		}
		found.Now = stated
	}
	if s.Flavour == "auto" {
		found.Flavour = rest.DataCenter // old servers do not state their type
		if strings.EqualFold(info.DeploymentType, "Cloud") {
			found.Flavour = rest.Cloud
		}
	}
	if u, err := url.Parse(info.BaseURL); err == nil && u.Host != "" {
		found.Browse = strings.TrimRight(info.BaseURL, "/")
	}
	s.site.site = &found
	return found, nil
}

// myself returns the name of the account, or "" for an anonymous one. It returns an error if the
// credentials are refused, because the site then answers as it answers an anonymous caller.
func (s *Source) myself(ctx context.Context, api string) (string, error) {
	var me struct {
		Name        string `json:"name"`
		Key         string `json:"key"`
		AccountID   string `json:"accountId"`
		DisplayName string `json:"displayName"`
	}
	_, err := s.client(ctx).GetJSON(ctx, api+"/myself", nil, &me)
	switch status := rest.Status(err); {
	case status == http.StatusUnauthorized || status == http.StatusForbidden:
		if strings.Contains(err.Error(), "scope") {
			return "a token that may not ask whose it is", nil
		}
		return "", nil
	case status == http.StatusNotFound:
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("account: %w", err)
	}
	if who := cmp.Or(me.DisplayName, me.Name, me.AccountID, me.Key); who != "" {
		return who, nil
	}
	return "", fmt.Errorf("account: GET %s/myself: the reply names nobody", api)
}

// Check implements [sdk.Checker]. It checks that this is a Jira, that it accepts the account, and
// that it shows what is to be read.
func (s *Source) Check(ctx context.Context) error {
	at, err := s.detect(ctx)
	if err != nil {
		return err
	}
	found := &checked{at: at, when: time.Now()}
	var whoErr, listErr error
	var both sync.WaitGroup
	both.Go(func() { found.who, whoErr = s.myself(ctx, at.API()) })
	both.Go(func() { found.projects, listErr = s.projects(ctx, at) })
	both.Wait()
	if whoErr != nil {
		return whoErr
	}
	sdk.Log(ctx).Info("jira answers", "flavour", at.Flavour, "account", cmp.Or(found.who, "anonymous"))
	if listErr != nil {
		return listErr
	}
	if err := s.visible(ctx, at, found.projects); err != nil {
		return err
	}
	if err := s.site.turn.lock(ctx); err != nil {
		return err
	}
	defer s.site.turn.unlock()
	s.site.checked = found
	return nil
}

// projects returns the keys of the projects to read: those of the settings, or all that the account
// sees.
func (s *Source) projects(ctx context.Context, at rest.Site) ([]string, error) {
	if len(s.Projects) > 0 {
		return s.Projects, nil
	}
	list := s.projectList
	if at.Flavour == rest.Cloud {
		list = s.projectPages
	}
	keys, err := list(ctx, at.API())
	if err != nil {
		return nil, fmt.Errorf("projects: %w", err)
	}
	if len(keys) == 0 {
		return nil, sdk.Permanent(errors.New(
			"the server shows no project at all to this account: check http.auth (an expired token looks like " +
				"this), or name the projects"))
	}
	slices.Sort(keys)
	return slices.Compact(keys), nil
}

type project struct {
	Key string `json:"key" required:"true"`
}

// projectList requests Data Center's list, which has no pages.
func (s *Source) projectList(ctx context.Context, api string) ([]string, error) {
	var all []project
	if _, err := s.client(ctx).GetJSON(ctx, api+"/project", nil, &all); err != nil {
		return nil, err
	}
	keys := make([]string, len(all))
	for i, p := range all {
		keys[i] = p.Key
	}
	return keys, nil
}

// projectPages requests Cloud's list. It is ordered by key, which hardly ever changes. A project
// that a shift hides comes in the next run. The list ends where a page says so and its total does
// not contradict, or where a page has no new key. The total may be missing. If the server says that
// there is more, the list is not whole, and is requested again later.
func (s *Source) projectPages(ctx context.Context, api string) ([]string, error) {
	return s.projectPagesOf(ctx, api, nil)
}

// projectPagesOf adds conditions to the query.
func (s *Source) projectPagesOf(ctx context.Context, api string, conditions url.Values) ([]string, error) {
	var keys []string
	have := map[string]bool{}
	for start := 0; ; {
		var page struct {
			IsLast *bool      `json:"isLast"`
			Total  rest.Whole `json:"total"`
			Values []project  `json:"values" required:"true"`
		}
		query := url.Values{"startAt": {strconv.Itoa(start)}, "maxResults": {"100"}, "orderBy": {"key"}}
		maps.Copy(query, conditions)
		if _, err := s.client(ctx).GetJSON(ctx, api+"/project/search", query, &page); err != nil {
			return nil, err
		}
		before := len(keys)
		for _, p := range page.Values {
			if !have[p.Key] {
				have[p.Key] = true
				keys = append(keys, p.Key)
			}
		}
		start += len(page.Values)
		last, total := page.IsLast != nil && *page.IsLast, int(page.Total)
		switch none := len(keys) == before; {
		case none && page.IsLast != nil && !last, none && total > start && !rest.FewLack(start, total):
			return nil, fmt.Errorf("the server ends the list after %d projects, of %d or more: try again later",
				start, max(start, total))
		case none, last && total <= start:
			return keys, nil
		}
	}
}

// client makes the requests of one call, searches among them.
type client struct{ *rest.Client }

func (s *Source) client(ctx context.Context) *client {
	return &client{rest.NewClient(ctx, s.base, &s.vouch)}
}
