// Package examples holds the pipeline files that scrapekit ships. The demo runs jira.hcl as it stands here.
package examples

import _ "embed" // the files are part of the program

// Jira is jira.hcl: public Jira projects as a training corpus.
//
//go:embed jira.hcl
var Jira []byte
