// Command pace shows what each part of the host's pace gains: it leaves out one at a time, runs the
// tables of servers in virtual time, and prints what is used and refused without it, and which
// tests fail. Nothing in the working tree is touched.
//
//	go run ./tools/pace          # all parts
//	go run ./tools/pace fit      # those whose names match
//	go run ./tools/pace -check   # only whether each part can still be left out
//
// A row of a table is a server. Its figures are the mean of -runs runs, as the pace draws random
// numbers. A row counts as worse if its figure differs by more than it does between runs with all
// parts, and by more than a point.
package main

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"io"
	"maps"
	"math"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/scrapekit/scrapekit/tools/internal/overlay"
)

const (
	fetch  = "core/internal/fetch"
	tables = "^(TestAPIs|TestPaceTable|TestPoliteToSmallBuckets|TestBareRefusalsOfSlowHosts)$"
	point  = 1.0
)

// part is a part of the pace, and how it is left out.
type part struct {
	name  string
	edits []overlay.Edit
}

func main() {
	runs := flag.Int("runs", 3, "`times` that the tables are run")
	check := flag.Bool("check", false, "only whether each part can still be left out")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	dir, err := os.MkdirTemp("", "pace-")
	if err == nil {
		err = show(ctx, os.Stdout, dir, flag.Args(), *runs, *check)
		_ = os.RemoveAll(dir) // only what was built here
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func show(ctx context.Context, out io.Writer, dir string, patterns []string, runs int, check bool) error {
	chosen, err := choose(patterns)
	if err != nil {
		return err
	}
	var whole figures
	if !check {
		binary, err := build(ctx, dir, part{name: "all"})
		if err != nil {
			return err
		}
		if whole, err = measure(ctx, binary, runs); err != nil {
			return err
		}
		fmt.Fprintf(out, "with all parts: %s\n", whole.sum())
		if len(whole.failed) > 0 {
			fmt.Fprintf(out, "  these tests fail: %s\n", strings.Join(sorted(whole.failed), " "))
		}
	}
	for _, p := range chosen {
		if check {
			if _, err := overlay.Write(".", dir, p.edits); err != nil {
				return fmt.Errorf("without %s: %w", p.name, err)
			}
			continue
		}
		binary, err := build(ctx, dir, p)
		if err != nil {
			return fmt.Errorf("without %s: %w", p.name, err)
		}
		f, err := measure(ctx, binary, runs)
		if err != nil {
			return fmt.Errorf("without %s: %w", p.name, err)
		}
		f.print(out, p.name, whole)
		if err := os.Remove(binary); err != nil {
			return err
		}
	}
	return nil
}

// choose returns the parts whose names match one of the patterns; none: all.
func choose(patterns []string) ([]part, error) {
	if len(patterns) == 0 {
		return parts, nil
	}
	var chosen []part
	for _, p := range patterns {
		re, err := regexp.Compile(p)
		if err != nil {
			return nil, err
		}
		before := len(chosen)
		for _, part := range parts {
			if re.MatchString(part.name) {
				chosen = append(chosen, part)
			}
		}
		if len(chosen) == before {
			return nil, fmt.Errorf("no part's name matches %q", p)
		}
	}
	return chosen, nil
}

// build builds the tests of fetch without a part.
func build(ctx context.Context, dir string, p part) (binary string, err error) {
	at, err := os.MkdirTemp(dir, "")
	if err != nil {
		return "", err
	}
	binary = filepath.Join(at, "test")
	args := []string{"test", "-c", "-vet=off", "-o", binary}
	if len(p.edits) > 0 {
		file, err := overlay.Write(".", at, p.edits)
		if err != nil {
			return "", err
		}
		args = append(args, "-overlay", file)
	}
	if said, err := exec.CommandContext(ctx, "go", append(args, "./"+fetch)...).CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w\n%s", err, said)
	}
	return binary, nil
}

// figures are what the tables say.
type figures struct {
	rows   map[string]*row
	lost   int
	failed map[string]bool // names of tests
}

// row is what one server was used to and refused, in percent, in each run.
type row struct{ used, refused []float64 }

func measure(ctx context.Context, binary string, runs int) (figures, error) {
	f := figures{rows: map[string]*row{}, failed: map[string]bool{}}
	for i := range runs {
		args := []string{"-test.v", "-test.timeout=30m"}
		if i > 0 { // all other tests once
			args = append(args, "-test.run", tables)
		}
		cmd := exec.CommandContext(ctx, binary, args...)
		cmd.Dir = fetch
		said, _ := cmd.CombinedOutput() // a test that fails is a result
		if ctx.Err() != nil {
			return f, ctx.Err()
		}
		if f.read(string(said)); len(f.rows) == 0 {
			return f, fmt.Errorf("no table was printed:\n%s", said)
		}
	}
	return f, nil
}

var (
	anAPI   = regexp.MustCompile(`_test.go:\d+: (.+?):? +([\d.]+) % used +\d+ in the first volley +([\d.]+) % refused later .* (\d+) lost`)
	aPace   = regexp.MustCompile(`pace_table_test.go:\d+: (.{59}) +\d+ +([\d.]+) +([\d.]+) `)
	aBucket = regexp.MustCompile(`bucket_polite_test.go:\d+: (\S+ +\d+ +\d+) +\d+ +([\d.]+) +([\d.]+) `)
	aFail   = regexp.MustCompile(`(?m)^--- FAIL: (\S+)`)
)

// read adds the rows of a run.
func (f *figures) read(said string) {
	for line := range strings.Lines(said) {
		if m := anAPI.FindStringSubmatch(line); m != nil {
			f.add(m[1], number(m[2]), number(m[3]))
			f.lost += int(number(m[4]))
		} else if m := aPace.FindStringSubmatch(line); m != nil {
			f.add(m[1], number(m[2]), number(m[3]))
		} else if m := aBucket.FindStringSubmatch(line); m != nil {
			f.add("bucket: "+m[1], 100/number(m[2]), number(m[3]))
		}
	}
	for _, m := range aFail.FindAllStringSubmatch(said, -1) {
		f.failed[m[1]] = true
	}
}

func number(text string) float64 {
	x, _ := strconv.ParseFloat(text, 64) // the patterns match numbers alone
	return x
}

func (f *figures) add(name string, used, refused float64) {
	name = strings.Join(strings.Fields(name), " ")
	r := f.rows[name]
	if r == nil {
		r = &row{}
		f.rows[name] = r
	}
	r.used, r.refused = append(r.used, min(100, used)), append(r.refused, refused)
}

func (f *figures) sum() string {
	var used, refused float64
	for _, r := range f.rows {
		used += mean(r.used) / float64(len(f.rows))
		refused += mean(r.refused) / float64(len(f.rows))
	}
	return fmt.Sprintf("%.1f %% used and %.2f %% refused in the mean of %d rows, %d lost", used, refused, len(f.rows),
		f.lost)
}

// change is what a row loses without a part.
type change struct {
	name              string
	used, refused     float64 // points worse
	of, to, from, had float64 // used before and after, refused before and after
}

func (f *figures) print(out io.Writer, name string, whole figures) {
	var slower, ruder []change
	better := 0
	for at, before := range whole.rows {
		after := f.rows[at]
		if after == nil {
			continue
		}
		c := change{name: at, of: mean(before.used), to: mean(after.used), from: mean(before.refused),
			had: mean(after.refused)}
		c.used, c.refused = c.of-c.to, c.had-c.from
		if c.used > max(point, spread(before.used)) {
			slower = append(slower, c)
		}
		if c.refused > max(point, spread(before.refused)) {
			ruder = append(ruder, c)
		}
		if -c.used > max(point, spread(before.used)) || -c.refused > max(point, spread(before.refused)) {
			better++
		}
	}
	slices.SortFunc(slower, func(a, b change) int { return cmp.Compare(b.used, a.used) })
	slices.SortFunc(ruder, func(a, b change) int { return cmp.Compare(b.refused, a.refused) })
	fmt.Fprintf(out, "without %s: %s\n", name, f.sum())
	fmt.Fprintf(out, "  %d rows are used less, %d are refused more, %d are better\n", len(slower), len(ruder), better)
	for _, c := range slower[:min(3, len(slower))] {
		fmt.Fprintf(out, "  %s: %.1f → %.1f %% used\n", c.name, c.of, c.to)
	}
	for _, c := range ruder[:min(3, len(ruder))] {
		fmt.Fprintf(out, "  %s: %.2f → %.2f %% refused\n", c.name, c.from, c.had)
	}
	for test := range whole.failed {
		delete(f.failed, test)
	}
	if len(f.failed) > 0 {
		fmt.Fprintf(out, "  these tests fail: %s\n", strings.Join(sorted(f.failed), " "))
	}
}

func sorted(set map[string]bool) []string { return slices.Sorted(maps.Keys(set)) }

func mean(x []float64) float64 {
	sum := 0.0
	for _, v := range x {
		sum += v
	}
	return sum / math.Max(1, float64(len(x)))
}

func spread(x []float64) float64 { return slices.Max(x) - slices.Min(x) }
