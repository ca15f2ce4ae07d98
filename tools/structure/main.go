// Command structure measures how the code is built: how large packages, functions and interfaces
// are, and how many of the uses between the files of a package run back up.
//
//	go run ./tools/structure            # this repository
//	go run ./tools/structure ./core/...
//	go run ./tools/structure -arrows ./core/internal/fetch
//
// Generated files and tests are left out. A line over 120 characters is long, one of a comment over
// 100; a tab is one.
//
// An arrow leads from a file to another of its package in which something stands, at package level,
// that it uses; however often it uses it, and whatever else of that file. With -members the uses of
// methods and fields make arrows too. The files are put in the order in which the fewest arrows run
// back up, as far as it is found: the heuristic of Eades, Lin and Smyth for the smallest feedback
// arc set, and then single files are moved as long as that helps.
package main

import (
	"cmp"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
)

func main() {
	dir := flag.String("dir", ".", "a `folder` of the module")
	members := flag.Bool("members", false, "methods and fields that are used make arrows too")
	arrows := flag.Bool("arrows", false, "print the order of the files, and the arrows that run back up")
	flag.Parse()
	patterns := flag.Args()
	if len(patterns) == 0 {
		patterns = []string{"./..."}
	}
	all, err := measure(*dir, patterns, *members)
	if err != nil {
		fmt.Fprintln(os.Stderr, "structure:", err)
		os.Exit(1)
	}
	if *arrows {
		printArrows(os.Stdout, all)
		return
	}
	print(os.Stdout, all)
}

// print prints a row for each package, and the sum.
func print(out io.Writer, all []pkg) {
	slices.SortStableFunc(all, func(a, b pkg) int { return cmp.Compare(b.lines, a.lines) })
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "lines\tfiles\tarrows\tback\tfunctions\tp90\tover 60\tlong lines\tlong comments\t  package")
	var sum pkg
	for _, p := range all {
		row(w, p)
		sum.lines, sum.files = sum.lines+p.lines, append(sum.files, p.files...)
		sum.arrows, sum.back = append(sum.arrows, p.arrows...), append(sum.back, p.back...)
		sum.functions = append(sum.functions, p.functions...)
		sum.long, sum.longComments = sum.long+p.long, sum.longComments+p.longComments
	}
	sum.path = "all"
	row(w, sum)
	_ = w.Flush() // an error is one of out, which has none
	for _, p := range all {
		if p.lines > 3000 {
			fmt.Fprintf(out, "package over 3,000 lines: %s, %d\n", p.path, p.lines)
		}
		for _, i := range p.interfaces {
			if i.methods > 6 {
				fmt.Fprintf(out, "interface over 6 methods: %s.%s, %d\n", p.path, i.name, i.methods)
			}
		}
	}
}

func row(w io.Writer, p pkg) {
	slices.Sort(p.functions)
	over := 0
	for _, n := range p.functions {
		if n > 60 {
			over++
		}
	}
	p90 := 0
	if n := len(p.functions); n > 0 {
		p90 = p.functions[min(n*9/10, n-1)]
	}
	fmt.Fprintf(w, "%d\t%d\t%d\t%s\t%d\t%d\t%s\t%d\t%d\t  %s\n", p.lines, len(p.files), len(p.arrows),
		share(len(p.back), len(p.arrows)),
		len(p.functions), p90, share(over, len(p.functions)), p.long, p.longComments, p.path)
}

func share(n, of int) string {
	if of == 0 {
		return "-"
	}
	return fmt.Sprintf("%.1f %%", 100*float64(n)/float64(of))
}

func printArrows(out io.Writer, all []pkg) {
	for _, p := range all {
		fmt.Fprintf(out, "%s: %d of %d arrows run back up\n  %s\n", p.path, len(p.back), len(p.arrows),
			strings.Join(p.files, " "))
		for _, a := range p.back {
			fmt.Fprintf(out, "  %s -> %s: %s\n", p.files[a.from], p.files[a.to], strings.Join(a.names, ", "))
		}
	}
}
