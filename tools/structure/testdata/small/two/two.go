// Package two is a leaf.
package two

const Two = 2
