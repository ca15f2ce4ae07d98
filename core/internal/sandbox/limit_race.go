//go:build race

package sandbox

// memoryLimit is none: the race detector maps more than any machine has.
const memoryLimit = 0
