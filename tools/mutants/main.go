// Command mutants breaks one thing at a time that a guarantee of scrapekit rests on, and shows that
// a test finds it out. Nothing in the working tree is touched: the Go compiler is given the broken
// files as an overlay.
//
//	go run ./tools/mutants            # all
//	go run ./tools/mutants fsync      # those whose names match
//
// It fails if a mutant lives, if one does not apply or compile any more, and if a test fails
// without its mutant.
package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"regexp"
	"runtime"
	"sync"
	"text/tabwriter"
	"time"
)

func main() {
	list := flag.Bool("list", false, "list the mutants and what finds them out")
	jobs := flag.Int("j", max(1, runtime.GOMAXPROCS(0)), "how many at once")
	limit := flag.Duration("timeout", 5*time.Minute,
		"the longest that a test may take; a mutant that hangs is found out")
	root := flag.String("root", ".", "the repository")
	flag.Parse()
	chosen, err := choose(mutants, flag.Args())
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	if *list {
		printList(os.Stdout, chosen)
		return
	}
	l, err := newLab(*root, *limit)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	for _, m := range mutants { // those too that are not tried now: CI tries few
		if _, err := l.overlay(m); err != nil {
			fmt.Fprintf(os.Stderr, "%s: %v\n", m.name, err)
			l.close()
			os.Exit(1)
		}
	}
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, os.Interrupt)
	go func() { <-stop; l.close(); os.Exit(130) }()
	alive := run(os.Stdout, l, chosen, *jobs)
	l.close()
	if alive > 0 {
		fmt.Printf("%d of %d mutants were not found out\n", alive, len(chosen))
		os.Exit(1)
	}
	fmt.Printf("every mutant was found out: %d of %d\n", len(chosen), len(chosen))
}

// choose returns the mutants whose names match one of the patterns; none: all. Each pattern must
// match a name.
func choose(all []mutant, patterns []string) ([]mutant, error) {
	if len(patterns) == 0 {
		return all, nil
	}
	chosen := make([]bool, len(all))
	for _, p := range patterns {
		re, err := regexp.Compile(p)
		if err != nil {
			return nil, err
		}
		found := false
		for i, m := range all {
			if re.MatchString(m.name) {
				chosen[i], found = true, true
			}
		}
		if !found {
			return nil, fmt.Errorf("no mutant's name matches %q: -list lists them", p)
		}
	}
	var out []mutant
	for i, m := range all {
		if chosen[i] {
			out = append(out, m)
		}
	}
	return out, nil
}

func printList(out io.Writer, all []mutant) {
	w := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	for _, m := range all {
		fmt.Fprintf(w, "%s\t%s\t%s\n", m.name, m.pkg, m.test)
	}
	_ = w.Flush() // the terminal is all that there is to tell
}

// run tries all mutants, some at once, and returns how many were not found out. Lines come in the
// order of the table.
func run(out io.Writer, l *lab, all []mutant, jobs int) (alive int) {
	verdicts := make([]chan string, len(all))
	free := make(chan struct{}, jobs)
	var mu sync.Mutex
	for i, m := range all {
		verdicts[i] = make(chan string, 1)
		go func() {
			free <- struct{}{}
			defer func() { <-free }()
			began := time.Now()
			if m.linux && runtime.GOOS != "linux" {
				verdicts[i] <- fmt.Sprintf("skipped   %s: %s needs Linux", m.name, m.test)
				return
			}
			if err := l.try(m); err != nil {
				mu.Lock()
				alive++
				mu.Unlock()
				verdicts[i] <- fmt.Sprintf("NOT FOUND %s: %v", m.name, err)
				return
			}
			verdicts[i] <- fmt.Sprintf("found out %s: by %s, %.1f s", m.name, m.test, time.Since(began).Seconds())
		}()
	}
	for _, v := range verdicts {
		fmt.Fprintln(out, <-v)
	}
	return alive
}
