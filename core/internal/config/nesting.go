// Nesting: keeps a malformed or hostile file from exhausting the stack of the recursive HCL parser.

package config

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

const (
	maxDepth  = 500    // nested brackets
	maxPrefix = 10_000 // tokens in a file that nest without brackets
)

// tooDeep returns the place where a text nests too deeply, if there is one.
func tooDeep(src []byte, file string) (hcl.Range, bool) {
	// The parser reports invalid tokens.
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
		case hclsyntax.TokenTemplateControl: // each %{ if } nests until its %{ endif }
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
