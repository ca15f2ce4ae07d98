// The order of files in which few arrows run back up.

package main

import "slices"

// arrange returns the nodes of a graph in an order in which few edges lead back. edges[n] are the
// nodes that n leads to.
func arrange(edges []map[int]bool) []int {
	return improve(eades(edges), edges)
}

// eades is the heuristic of Eades, Lin and Smyth: sinks go to the end, sources to the beginning,
// and where there is neither, the node that leads to most more than lead to it goes to the
// beginning.
func eades(edges []map[int]bool) []int {
	left := make([]bool, len(edges))
	for n := range left {
		left[n] = true
	}
	degrees := func(n int) (out, in int) {
		for m := range edges {
			if left[m] && edges[n][m] {
				out++
			}
			if left[m] && edges[m][n] {
				in++
			}
		}
		return out, in
	}
	var first, last []int
	for range edges {
		best, most, sink := -1, 0, false
		for n := range edges {
			if !left[n] {
				continue
			}
			out, in := degrees(n)
			if out == 0 {
				best, sink = n, true
				break
			}
			if in == 0 {
				out += len(edges) // a source comes before all that are none
			}
			if best < 0 || out-in > most {
				best, most = n, out-in
			}
		}
		left[best] = false
		if sink {
			last = append(last, best)
		} else {
			first = append(first, best)
		}
	}
	slices.Reverse(last)
	return append(first, last...)
}

// improve moves single nodes to positions with fewer edges that lead back, while there are such
// nodes.
func improve(order []int, edges []map[int]bool) []int {
	for moved := true; moved; {
		moved = false
		for i := range order {
			if to := bestPlace(order, i, edges); to != i {
				n := order[i]
				order = slices.Insert(slices.Delete(order, i, i+1), to, n)
				moved = true
			}
		}
	}
	return order
}

// bestPlace is the position at which the node at i has the fewest edges that lead back, or i if
// none is better.
func bestPlace(order []int, i int, edges []map[int]bool) int {
	best, gain, n := i, 0, order[i]
	for _, step := range []int{1, -1} {
		sum := 0
		for j := i + step; j >= 0 && j < len(order); j += step {
			m := order[j]
			// Past m, the edge between the two that led forward leads back, and the other way
			// round.
			forward, backward := edges[n][m], edges[m][n]
			if step < 0 {
				forward, backward = backward, forward
			}
			if forward {
				sum--
			}
			if backward {
				sum++
			}
			if sum > gain {
				best, gain = j, sum
			}
		}
	}
	return best
}
