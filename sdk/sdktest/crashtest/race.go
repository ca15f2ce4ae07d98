//go:build race

package crashtest

// Raced reports whether the program was built with the race detector.
const Raced = true
