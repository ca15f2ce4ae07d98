// Nesting: what keeps a malformed or hostile file from exhausting the stack of the HCL parser,
// which is recursive.

package config

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

const (
	maxDepth  = 500    // of brackets
	maxPrefix = 10_000 // tokens of a file that nest without a bracket
)

// tooDeep finds the place where a text nests deeper than any that a person writes.
func tooDeep(src []byte, file string) (hcl.Range, bool) {
	// What is wrong with the tokens, the parser reports.
	tokens, _ := hclsyntax.LexConfig(src, file, hcl.InitialPos)
	depth, prefixes := 0, 0
	for _, t := range tokens {
		switch t.Type {
		case hclsyntax.TokenOParen, hclsyntax.TokenOBrack, hclsyntax.TokenOBrace, hclsyntax.TokenTemplateInterp,
			hclsyntax.TokenOQuote:
			depth++
		case hclsyntax.TokenCParen, hclsyntax.TokenCBrack, hclsyntax.TokenCBrace, hclsyntax.TokenTemplateSeqEnd,
			hclsyntax.TokenCQuote:
			depth--
		case hclsyntax.TokenTemplateControl: // one of many that an %{ if } opens and only %{ endif } closes
			depth++
			prefixes++
		case hclsyntax.TokenBang, hclsyntax.TokenMinus, hclsyntax.TokenQuestion:
			prefixes++
		}
		if depth > maxDepth || prefixes > maxPrefix {
			return t.Range, true
		}
	}
	return hcl.Range{}, false
}
