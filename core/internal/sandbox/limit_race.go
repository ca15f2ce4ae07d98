//go:build race

package sandbox

// memoryLimit is 0 (none): the race detector maps more memory than any machine has.
const memoryLimit = 0
