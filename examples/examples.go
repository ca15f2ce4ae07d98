// Package examples holds the examples that scrapekit ships: the demo runs jira.hcl as it stands
// here, and a new plugin in TypeScript begins as the one here.
package examples

import "embed"

// Jira is jira.hcl: public Jira projects as a training corpus.
//
//go:embed jira.hcl
var Jira []byte

// TypeScript is the folder source-typescript, without what is only for this repository.
//
//go:embed source-typescript/src source-typescript/testdata source-typescript/*.mjs source-typescript/*.json source-typescript/.npmrc source-typescript/example.hcl
var TypeScript embed.FS
