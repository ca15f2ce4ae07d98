//go:build !race

package publish_test

// raced: built with the race detector.
const raced = false
