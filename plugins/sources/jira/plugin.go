// The plugin as a value, and its settings.

package jira

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/scrapekit/scrapekit/plugins/sources/jira/internal/rest"
	"github.com/scrapekit/scrapekit/sdk"
)

// Config is what a pipeline file may set.
type Config struct {
	URL          string       `json:"url" required:"true" host:"true" doc:"Base URL of the Jira, with its context path if it has one." example:"https://issues.apache.org/jira"`
	Projects     []string     `json:"projects,omitempty" doc:"Keys of the projects to read. Empty: all projects that the account may see."`
	JQL          string       `json:"jql,omitempty" doc:"A further condition in JQL, without ORDER BY. Changing it reads the projects in full again." example:"issuetype = Bug"`
	Since        string       `json:"since,omitempty" doc:"Only issues updated at or after this date (2024-01-31) or time (RFC 3339), UTC if it names no zone."`
	Fields       []string     `json:"fields,omitempty" default:"[\"*all\"]" doc:"Issue fields to request. Fields that the records need, such as comment, created and updated, are always added."`
	Content      string       `json:"content,omitempty" default:"both" enum:"both,raw,normalised" doc:"What a record holds. raw: the JSON of Jira. normalised: the normalised issue, with text as Markdown and custom fields under their names. both: both. raw is for issues only."`
	KeepFiles    bool         `json:"keep_files,omitempty" doc:"Keep the bytes of every attachment in the folder of the block files. Select the stream attachments: its records say where the files are. On Cloud, add the host to which attachments are redirected to http.allow."`
	PageSize     int          `json:"page_size,omitempty" default:"100" min:"1" max:"5000" doc:"Issues per request. The server may return fewer."`
	SplitSize    int          `json:"split_size,omitempty" default:"1000" min:"1" doc:"About how many issues are in one split. Smaller splits: more in parallel, more planning."`
	Overlap      sdk.Duration `json:"overlap,omitempty" default:"5m" doc:"How far before the start of the last run an incremental run begins, because the search index may lag."`
	Deletions    bool         `json:"deletions,omitempty" doc:"In every run, look which issues are there at all: deleted ones are deleted in the streams too, and restored ones are read again. It costs, per 1,000 issues, 1 to 10 requests on Data Center, by the longest page that the server gives, and less than one on Cloud, at least 2 a project, on Cloud 4. Selecting the stream census does the same."`
	MassDeletion int          `json:"mass_deletion,omitempty" default:"50" min:"0" max:"100" doc:"If at least this percentage of the issues of a project is missing at once, assume that the account lost a permission: delete nothing, and warn. 0: believe every deletion."`
	Flavour      string       `json:"flavour,omitempty" default:"auto" enum:"auto,datacenter,cloud" doc:"Which API to use. auto asks the server."`
}

const about = `Reads issues, each with its whole comment thread and history, and comments, from Jira Data Center, Server and Cloud; on
demand also changelogs, worklogs, attachments, links, votes, watchers, properties, users and the lists of the site.

Anonymous access works where the site allows it. For basic authentication or a personal access token see the block ` +
	"`http`" + `.
The first run reads everything, later ones what was updated since. Deletions are seen where deletions is set.`

// Plugin returns the Jira source.
func Plugin() sdk.Plugin {
	return sdk.SourcePlugin(sdk.Info{
		Name:    "jira",
		Version: "0.1.0",
		Doc:     about,
		Streams: streams(),
		// Searches, and bulk requests.
		Permissions: sdk.Permissions{Methods: []string{http.MethodPost}},
	}, open)
}

// Source reads one Jira site.
type Source struct {
	Config
	base  *url.URL // without a trailing slash
	since int64    // epoch milliseconds of Config.Since; 0: none
	site  siteOnce
	names fieldNames
	// patience limits retries of what fails for itself alone.
	patience rest.Patience
	// vouch records whether the credentials were accepted.
	vouch rest.Vouch
}

var orderBy = regexp.MustCompile(`(?i)\border\s+by\b`)
var quoted = regexp.MustCompile(`"(\\.|[^"\\])*"|'(\\.|[^'\\])*'`)

func open(_ context.Context, c Config) (sdk.Source, error) {
	base, err := parseBase(c.URL)
	if err != nil {
		return nil, sdk.Permanent(err)
	}
	if c.Projects, err = projectKeys(c.Projects); err != nil {
		return nil, sdk.Permanent(err)
	}
	if orderBy.MatchString(quoted.ReplaceAllString(c.JQL, "")) {
		return nil, sdk.Permanent(errors.New("jql: leave ORDER BY out; the order is part of how nothing gets lost"))
	}
	since, err := parseSince(c.Since)
	if err != nil {
		return nil, sdk.Permanent(err)
	}
	if c.Overlap < 0 {
		return nil, sdk.Permanent(errors.New("overlap: must not be negative"))
	}
	return &Source{Config: c, base: base, since: since, site: siteOnce{turn: newTurn()},
		names: fieldNames{mu: newTurn()}}, nil
}

// parseBase makes the base URL of all requests from a URL that may be copied from a browser.
func parseBase(s string) (*url.URL, error) {
	u, err := url.Parse(strings.TrimSpace(s))
	if err != nil {
		return nil, errors.New("url: not an http(s) address") // the error of url.Parse would show a password
	}
	if u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return nil, fmt.Errorf("url: %q is not an http(s) address", u.Redacted())
	}
	if u.User != nil {
		return nil, errors.New("url: leave the user name and password out, and set http.auth")
	}
	base := &url.URL{Scheme: u.Scheme, Host: u.Host, Path: strings.TrimRight(u.Path, "/")}
	return base, nil
}

// projectKeys writes the keys as Jira does, each once: in JQL, and in a URL, kafka is KAFKA.
func projectKeys(given []string) ([]string, error) {
	var keys []string
	for _, key := range given {
		key = strings.ToUpper(strings.TrimSpace(key))
		if key == "" {
			return nil, errors.New("projects: an empty key; to read all projects, leave the list out")
		}
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return slices.Compact(keys), nil
}

func parseSince(s string) (int64, error) {
	if s == "" {
		return 0, nil
	}
	for _, layout := range []string{time.DateOnly, time.RFC3339, "2006-01-02T15:04:05", "2006-01-02 15:04",
		time.DateTime} {
		if t, err := time.Parse(layout, s); err == nil {
			return floorMinute(t.UnixMilli()), nil
		}
	}
	return 0, fmt.Errorf("since: %q is neither a date like 2024-01-31 nor a time like 2024-01-31T15:04:05Z", s)
}
