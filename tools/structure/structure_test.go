package main

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

func TestSmallModule(t *testing.T) {
	t.Parallel()
	all, err := measure("testdata/small", []string{"./..."}, true)
	if err != nil || len(all) != 2 {
		t.Fatalf("%d packages, %v", len(all), err)
	}
	i := slices.IndexFunc(all, func(p pkg) bool { return p.path == "example.org/small/one" })
	p := all[i]
	if p.lines != 27 || p.long != 1 || p.longComments != 1 || !slices.Equal(p.interfaces, []iface{{"Large", 7}}) ||
		len(p.functions) != 3 {
		t.Errorf("%+v", p)
	}
	if got := strings.Join(p.files, " "); got != "top.go middle.go bottom.go" || len(p.arrows) != 4 ||
		len(p.back) != 1 {
		t.Errorf("order %s, %d of %d arrows run back up", got, len(p.back), len(p.arrows))
	} else if b := p.back[0]; b.from != 2 || b.to != 0 || !slices.Equal(b.names, []string{"limit"}) {
		t.Errorf("the arrow back is %+v", b)
	}
	var out bytes.Buffer
	print(&out, all)
	for _, want := range []string{"25.0 %", "interface over 6 methods: example.org/small/one.Large, 7"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, &out)
		}
	}
	out.Reset()
	if printArrows(&out, all); !strings.Contains(out.String(), "bottom.go -> top.go: limit") {
		t.Errorf("arrows:\n%s", &out)
	}
}

func back(order []int, edges []map[int]bool) (n int) {
	for i, a := range order {
		for _, b := range order[:i] {
			if edges[a][b] {
				n++
			}
		}
	}
	return n
}

func drawn(random *rand.Rand, nodes int, edge func(a, b int) bool) []map[int]bool {
	edges := make([]map[int]bool, nodes)
	for a := range edges {
		edges[a] = map[int]bool{}
		for b := range edges {
			if a != b && edge(a, b) {
				edges[a][b] = true
			}
		}
	}
	return edges
}

// TestOrder: of a graph without a cycle nothing leads back, and of small graphs hardly more than in
// the best of all orders.
func TestOrder(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 1))
	for range 50 {
		names := random.Perm(30)
		edges := drawn(random, 30, func(a, b int) bool { return names[a] < names[b] && random.IntN(4) == 0 })
		if n := back(arrange(edges), edges); n > 0 {
			t.Fatalf("%d edges lead back where none need to", n)
		}
	}
	found, needed := 0, 0
	for range 100 {
		edges := drawn(random, 7, func(_, _ int) bool { return random.IntN(3) == 0 })
		found += back(arrange(edges), edges)
		needed += fewest(edges)
	}
	if found > needed*11/10 {
		t.Errorf("%d edges lead back, and %d need to", found, needed)
	}
}

// fewest tries all orders.
func fewest(edges []map[int]bool) int {
	best := len(edges) * len(edges)
	var try func(order, left []int)
	try = func(order, left []int) {
		if len(left) == 0 {
			best = min(best, back(order, edges))
			return
		}
		for i := range left {
			rest := slices.Delete(slices.Clone(left), i, i+1)
			try(append(order[:len(order):len(order)], left[i]), rest)
		}
	}
	all := make([]int, len(edges))
	for i := range all {
		all[i] = i
	}
	try(nil, all)
	return best
}
