// Package jiraserver is the test server of the Jira source for the tests of other packages: a Jira with a store of its
// own that can be filled, changed, limited and broken. The package internal/jiratest says what it copies of the two
// products.
// Only tests import it; no shipped program does.
package jiraserver

import "github.com/scrapekit/scrapekit/plugins/sources/jira/internal/jiratest"

// The server, and what it is made of.
type (
	Server    = jiratest.Server    // an http.Handler
	Options   = jiratest.Options   // how it behaves
	Auth      = jiratest.Auth      // who may read
	Faults    = jiratest.Faults    // what fails
	Limit     = jiratest.Limit     // how many requests it allows
	LimitForm = jiratest.LimitForm // how it refuses one too many
	Synthetic = jiratest.Synthetic // what Generate makes
	Project   = jiratest.Project   // one project of it
	Flavour   = jiratest.Flavour   // which product it plays
)

// The two products.
const (
	DataCenter = jiratest.DataCenter
	Cloud      = jiratest.Cloud
)

// Forms of a refusal.
const (
	RetryAfterSeconds = jiratest.RetryAfterSeconds
	HTMLBody          = jiratest.HTMLBody
	DataCenterHeaders = jiratest.DataCenterHeaders
)

// New returns an empty server.
func New(o Options) *Server { return jiratest.New(o) }

// KeyedRecord returns the key of a record of the source and what it holds. It panics if line is no object.
func KeyedRecord(stream string, primaryKey []string, line []byte) (key, content string) {
	return jiratest.KeyedRecord(stream, primaryKey, line)
}
