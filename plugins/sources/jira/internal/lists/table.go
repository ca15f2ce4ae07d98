// The table's words: what a row may say of a stream.

package lists

import (
	"cmp"
	"slices"

	"github.com/scrapekit/scrapekit/plugins/sources/jira/internal/rest"
)

// row is one stream, or a step on the way to others.
type row struct {
	name   string
	doc    string
	step   bool // no stream: only its passes are of use
	fields []field
	key    []string // of the fields, those that identify a record, the widest first

	dc, cloud *endpoint // nil: that flavour has no such list

	parent string                // the row whose records each have such a list; "": one list for the site
	passes []field               // what lists below this one are told of a record
	keep   func(known vars) bool // which parents, at every level, are worth asking; nil: all

	// created: the member by which the list is read on; older records are never seen again, and
	// nothing is deleted.
	created string
	// volatile are members of raw that differ at every fetch and say nothing: they are taken out.
	volatile []string
}

// endpoint is where a list is.
type endpoint struct {
	path   string // below the API of the flavour, or from /rest/ on; with {variables}
	query  string // likewise
	values string // the member of the reply that is the list; "": the reply is it; one and members: see below
	pages  paging
	per    int       // records to ask for at once
	empty  []int     // statuses that mean that there is no such list here, and nothing wrong
	gone   []int     // statuses beside 401, 403, 404 and 410 that mean that it is not available
	cut    int       // a list of just so many is the beginning of a longer one; 0: none is
	alike  bool      // who is refused the list of one parent is refused that of each
	named  *endpoint // of one project that the settings name; nil: they make no difference
	seen   string    // where we know it from
}

// Values of endpoint.values that name no member.
const (
	one     = "."  // the reply is one record
	members = "{}" // the reply is an object; each member is a record
)

// paging is how a list goes on.
type paging int

const (
	whole    paging = iota // one reply
	byStart                // startAt and maxResults
	byOffset               // offset and limit
	aligned                // byStart, and startAt must be a multiple of maxResults
)

// Where endpoints are known from, beside what a row says itself.
const (
	wadl    = "WADL of Data Center 8.4.3"
	openAPI = "OpenAPI of Cloud"
	agileV1 = "OpenAPI of Jira Software; real replies of both flavours"
)

const agile = "/rest/agile/1.0"

// field is a top-level field of a record, or what is passed on to lists below. All are strings.
type field struct {
	name      string
	dc, cloud string // where it is: see element.value
	nullable  bool
	doc       string
}

func (f field) from(flavour string) string {
	if flavour == rest.Cloud {
		return f.cloud
	}
	return f.dc
}

// at is a field that both flavours have at the same place.
func at(name, path, doc string) field { return field{name: name, dc: path, cloud: path, doc: doc} }

// maybe is one that may be missing.
func maybe(name, path, doc string) field {
	return field{name: name, dc: path, cloud: path, nullable: true, doc: doc}
}

// above is one that was passed on by the lists above.
func above(name, doc string) field { return at(name, "@"+name, doc) }

// vars is what the lists above pass on, by name. Names that begin with _ are for paths and choices
// alone.
type vars map[string]string

func (r *row) endpoint(flavour string) *endpoint {
	if flavour == rest.Cloud {
		return r.cloud
	}
	return r.dc
}

// byID is the usual key.
var byID = []string{"id"}

// both gives a row the same endpoint in both flavours.
func both(r row, e endpoint) row {
	d, c := e, e
	d.seen, c.seen = cmp.Or(e.seen, wadl), cmp.Or(e.seen, openAPI)
	r.dc, r.cloud = &d, &c
	return r
}

// chain returns the rows on the way to r, itself last.
func (r *row) chain() []*row {
	if r.parent == "" {
		return []*row{r}
	}
	return append(find(r.parent).chain(), r)
}

// available reports whether a flavour has every list on the way.
func (r *row) available(flavour string) bool {
	return !slices.ContainsFunc(r.chain(), func(step *row) bool { return step.endpoint(flavour) == nil })
}
