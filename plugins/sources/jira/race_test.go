//go:build race

package jira_test

// raceEnabled tells that the race detector slows everything down.
const raceEnabled = true
