// Whether a test of kills proves what it says.

//go:build linux

package main

import (
	"fmt"
	"testing"
)

// kills are those of one test.
type kills struct {
	planned, landed int
	looked, between int // after how many was looked where they fell, and how many of those fell between a sink's write and the commit
}

// enough returns an error if too few landed, or too few where they can do harm.
func (k kills) enough() error {
	if k.landed*10 < k.planned*9 {
		return fmt.Errorf("only %d of %d kills landed: the test proves less than it says", k.landed, k.planned)
	}
	if k.between*10 < k.looked*3 {
		return fmt.Errorf("only %d of %d kills fell between what a sink wrote and its commit: the test proves less than it says", k.between, k.looked)
	}
	return nil
}

func TestEnoughKills(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		kills
		enough bool
	}{
		{kills{planned: 10, landed: 9}, true},
		{kills{planned: 10, landed: 8}, false},
		{kills{planned: 10}, false},
		{kills{planned: 10, landed: 10, looked: 10, between: 3}, true},
		{kills{planned: 10, landed: 10, looked: 10, between: 2}, false},
	} {
		if err := c.kills.enough(); (err == nil) != c.enough {
			t.Errorf("%+v: %v", c.kills, err)
		}
	}
}
