//go:build race

package sandbox

// dataLimit is none: the race detector maps more than any machine has.
const dataLimit = 0
