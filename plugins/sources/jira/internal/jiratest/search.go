// Search on Data Center: startAt, maxResults and total.

package jiratest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
)

// maxBody bounds the bodies of POST requests.
const maxBody = 1 << 20

// searchRequest has the parameters of both forms of a search, from the query or the body.
type searchRequest struct {
	JQL           string `json:"jql"`
	StartAt       int    `json:"startAt"`
	MaxResults    *int   `json:"maxResults"`
	Fields        []string
	Expand        map[string]bool
	Properties    []string
	NextPageToken string `json:"nextPageToken"`
	ValidateQuery *bool  `json:"validateQuery"` // Data Center; nil means true
}

func (c *call) searchRequest() (searchRequest, error) {
	if c.r.Method == http.MethodPost {
		return c.searchBody()
	}
	q := c.r.URL.Query()
	s := searchRequest{JQL: q.Get("jql"), NextPageToken: q.Get("nextPageToken"), Fields: c.list("fields"),
		Expand: set(c.list("expand")), Properties: c.list("properties")}
	if len(s.Properties) > maxProperties {
		return s, tooManyProperties()
	}
	var err error
	if s.StartAt, err = number(q.Get("startAt"), 0); err != nil {
		return s, err
	}
	if text := q.Get("validateQuery"); text != "" {
		validate := text != "false"
		s.ValidateQuery = &validate
	}
	if text := q.Get("maxResults"); text != "" {
		n, err := number(text, 0)
		s.MaxResults = &n
		return s, err
	}
	return s, nil
}

// decodeBody reads the body of a POST.
func decodeBody(body []byte, into any) error {
	if err := json.Unmarshal(body, into); err != nil {
		return messages(http.StatusBadRequest,
			"Invalid request payload. Refer to the REST API documentation and try again.")
	}
	return nil
}

func (c *call) searchBody() (searchRequest, error) {
	var body struct {
		searchRequest
		Fields     []string `json:"fields"`
		Properties []string `json:"properties"`
		Expand     any      `json:"expand"` // a list on Data Center, text on Cloud
	}
	if err := decodeBody(c.body, &body); err != nil {
		return searchRequest{}, err
	}
	s := body.searchRequest
	if s.Properties = body.Properties; len(s.Properties) > maxProperties {
		return s, tooManyProperties()
	}
	for _, f := range body.Fields {
		s.Fields = append(s.Fields, splitCommas(f)...)
	}
	s.Expand = set(nil)
	switch e := body.Expand.(type) {
	case string:
		s.Expand = set(splitCommas(e))
	case []any:
		for _, v := range e {
			s.Expand[fmt.Sprint(v)] = true
		}
	}
	return s, nil
}

func set(names []string) map[string]bool {
	out := make(map[string]bool, len(names))
	for _, n := range names {
		out[n] = true
	}
	return out
}

// number reads a parameter; Data Center answers 404 to one that is not a number.
func number(text string, fallback int) (int, error) {
	if text == "" {
		return fallback, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		return 0, messages(http.StatusNotFound, "HTTP 404 Not Found")
	}
	return n, nil
}

func (c *call) binder() binder {
	o := &c.server.options
	return binder{store: c.server.store, flavour: o.Flavour, zone: o.TimeZone, now: o.Now(), precision: o.JQLPrecision,
		lags: o.IndexLag > 0, visible: c.who.sees, unsearchable: o.Quirks.Unsearchable, lenient: c.lenient}
}

// find runs the query. The seed decides the order among ties.
func (c *call) find(q query, seed uint64) ([]hit, ordering, error) {
	order, err := newOrdering(q.order, seed)
	if c.server.options.IndexLag > 0 {
		order.asOf = c.server.options.Now()
	}
	if err != nil {
		return nil, ordering{}, err
	}
	relative := false
	binder := c.binder()
	binder.relative = &relative
	match, err := binder.bind(q.where)
	if err != nil {
		return nil, ordering{}, err
	}
	if !c.who.sees {
		match = nothing
	}
	found := func(r *record) bool { return r.found() && match(r) }
	if !order.asOf.IsZero() {
		born := order.asOf.Add(-c.server.options.IndexLag)
		return order.sorted(c.server.store.all, func(r *record) bool { return !r.created.After(born) && found(r) }),
			order, nil
	}
	if !order.unique() {
		return order.sorted(c.server.store.all, found), order, nil
	}
	hits, err := c.steady(q, order, binder, found)
	return hits, order, err
}

// steady returns the result of a query whose order has no ties. It stays valid until the store
// changes.
func (c *call) steady(q query, order ordering, b binder, found predicate) ([]hit, error) {
	cache, changes, relative := &c.server.cache, c.server.store.mu.changes.Load(), *b.relative
	name := fmt.Sprint(q.text, c.who.sees, c.lenient)
	if hits, ok := cache.query(changes, name); ok && !relative {
		return hits, nil
	}
	from := order
	if len(q.order) == 0 {
		// a count between bounds does not need to read all issues
		from = ordering{keys: []sortKey{{field: "created"}, {field: "key"}}}
	}
	all, err := from.within(cache.all(changes, from, c.server.store.all), q.where, b)
	if err != nil {
		return nil, err
	}
	var hits []hit
	for _, h := range all {
		if found(h.record) {
			hits = append(hits, h)
		}
	}
	if len(q.order) == 0 {
		slices.SortFunc(hits, order.compare)
	}
	if !relative {
		cache.keepQuery(changes, name, hits)
	}
	return hits, nil
}

// tieSeed differs for each request, as the order among ties does.
func (c *call) tieSeed() uint64 {
	return mix(c.server.options.Seed, c.server.fetches.Add(1))
}

func (c *call) searchPages() error {
	s, err := c.searchRequest()
	if err != nil {
		return err
	}
	limit, err := c.pageLimit(s)
	if err != nil {
		return err
	}
	q, err := parseJQL(s.JQL)
	if err != nil {
		return err
	}
	c.lenient = s.ValidateQuery != nil && !*s.ValidateQuery
	hits, _, err := c.find(q, c.tieSeed())
	if err != nil {
		return err
	}
	shown := displayed(hits)
	from := min(max(s.StartAt, 0), len(shown))
	page := shown[from:min(from+limit, len(shown))]
	sel := selectFields(s.Fields, "*navigable")
	sel.properties = s.Properties
	fmt.Fprintf(c.out, `{"expand":"names,schema","startAt":%d,"maxResults":%d,`, max(s.StartAt, 0), limit)
	c.total(len(hits))
	c.out.WriteString(`"issues":[`)
	c.page(c.there(page), &sel, s.Expand)
	c.out.WriteByte(']')
	c.describe(&sel, s.Expand)
	c.out.WriteByte('}')
	return nil
}

// pageLimit is the number of issues that this page may hold, or the 500 of a search platform whose
// window the page would exceed.
func (c *call) pageLimit(s searchRequest) (int, error) {
	limit, o := 50, c.server.options
	if s.MaxResults != nil {
		limit = *s.MaxResults
	}
	longest := o.MaxResults
	if longest == 0 {
		longest = 100
	}
	if limit < 0 || limit > longest {
		limit = longest
	}
	if end := s.StartAt + limit; o.Window > 0 && end > o.Window {
		return 0, messages(http.StatusInternalServerError, fmt.Sprintf(
			"Search limit exceeded: this search requests %d results which exceeded the search platform limit of %d.",
			end, o.Window))
	}
	return limit, nil
}
