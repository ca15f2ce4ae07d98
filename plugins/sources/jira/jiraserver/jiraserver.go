// Package jiraserver is the test server of the Jira source for the tests of other packages: a Jira
// with a store of its own that can be filled, changed, limited and broken. The package
// internal/jiratest says what it copies of the two products.
// Only tests import it; no shipped program does.
package jiraserver

import "github.com/scrapekit/scrapekit/plugins/sources/jira/internal/jiratest"

type (
	// Server is an http.Handler.
	Server = jiratest.Server
	// Options say how it behaves.
	Options = jiratest.Options
	// Auth says who may read.
	Auth = jiratest.Auth
	// Faults say what fails.
	Faults = jiratest.Faults
	// Limit says how many requests it allows.
	Limit = jiratest.Limit
	// LimitForm says how it refuses one too many.
	LimitForm = jiratest.LimitForm
	// Synthetic says what Generate makes.
	Synthetic = jiratest.Synthetic
	// Project is one project of it.
	Project = jiratest.Project
	// Flavour says which product it plays.
	Flavour = jiratest.Flavour
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

// KeyedRecord returns the key of a record of the source and what it holds. It panics if line is no
// object.
func KeyedRecord(stream string, primaryKey []string, line []byte) (key, content string) {
	return jiratest.KeyedRecord(stream, primaryKey, line)
}
