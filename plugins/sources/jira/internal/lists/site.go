// The site: what the package needs from outside.

package lists

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/scrapekit/scrapekit/plugins/sources/jira/internal/rest"
)

// Site is a Jira, and what the settings say of it.
type Site struct {
	rest.Site
	Client   *rest.Client  // of the call that reads
	Projects []string      // the only ones to read; nil: all
	Overlap  time.Duration // how far lists that are read on by time look back
	Patience *rest.Patience
}

// scope names what a snapshot is of.
func (s Site) scope() string {
	sum := sha256.Sum256([]byte(s.Flavour + "\n" + strings.Join(s.Projects, "\n")))
	return hex.EncodeToString(sum[:8])
}

// fetch asks for one page of a list.
func (s Site) fetch(ctx context.Context, e *endpoint, known vars, start int, from int64) (page, error) {
	path := known.expand(e.path)
	if !strings.HasPrefix(path, "/rest/") {
		path = s.API() + path
	}
	query, err := e.ask(known, start)
	if err != nil {
		return page{}, err
	}
	if from > 0 {
		query.Set("from", time.UnixMilli(from).UTC().Format("2006-01-02T15:04:05.000-0700"))
	}
	resp, err := s.Client.Get(ctx, path, query)
	if err != nil {
		return page{}, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return page{}, fmt.Errorf("%s: reply: %w", rest.Where(resp), err)
	}
	p, err := decodePage(body, e.values)
	if err != nil {
		return page{}, rest.Other(resp, err, body)
	}
	return p, nil
}

// ask is the query for a page.
func (e *endpoint) ask(known vars, start int) (url.Values, error) {
	query, err := url.ParseQuery(e.query)
	if err != nil {
		return nil, err
	}
	for _, values := range query {
		for i := range values {
			values[i] = known.expand(values[i])
		}
	}
	begin, most := "startAt", "maxResults"
	if e.pages == byOffset {
		begin, most = "offset", "limit"
	}
	if e.pages != whole {
		query.Set(begin, strconv.Itoa(start))
		query.Set(most, strconv.Itoa(e.per))
	}
	return query, nil
}

// expand puts what is known into the places that are named for it.
func (v vars) expand(text string) string {
	for name, value := range v {
		text = strings.ReplaceAll(text, "{"+name+"}", value)
	}
	return text
}
