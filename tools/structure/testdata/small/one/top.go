// Package one has two arrows down and one back up.
package one

import "example.org/small/two"

func Top() int { return middle() + bottom() + two.Two }

const limit = 3
