package main

import (
	"bytes"
	"compress/gzip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// TestMain lets the test binary be the killtest that it starts: {killtest} names it.
func TestMain(m *testing.M) {
	if len(os.Args) > 2 && os.Args[1] == "naive" {
		main()
		return
	}
	os.Exit(m.Run())
}

// killtest runs the command and returns its code and what it printed.
func killtest(t *testing.T, args ...string) (int, string) {
	t.Helper()
	var out bytes.Buffer
	code := run(t.Context(), args, &out, &out)
	t.Logf("killtest %s\n%s", strings.Join(args, " "), out.String())
	return code, out.String()
}

// few are flags for a short test whose kills land however slow the machine is.
var few = []string{"-records", "1000", "-latency", "2ms", "-trials", "2", "-kills", "3", "-when", "requests", "-every",
	"12"}

func TestNaiveProgramIsFoundOut(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("it kills a program, and waits for it")
	}
	code, out := killtest(t, append(few, "--", "{killtest}", "naive", "{url}")...)
	if code != broken || !regexp.MustCompile(`(?m)^seed 1, .*; \d+ lost, [1-9]\d* twice`).MatchString(out) {
		t.Errorf("ended with %d; the naive program delivers twice what it read since it kept its place", code)
	}
	if code, out = killtest(t, append(few, "-kills", "0", "--", "{killtest}", "naive", "{url}")...); code != exact {
		t.Errorf("without kills it ended with %d:\n%s", code, out)
	}
}

func TestScrapekitKeepsItsPromise(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("it kills a program, and waits for it")
	}
	dir := t.TempDir()
	for _, name := range []string{"cmd/scrapekit", "examples/source-forum"} {
		build := exec.Command("go", "build", "-o", dir+string(filepath.Separator), "./"+name)
		build.Dir, build.Env = "../..", append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=")
		if out, err := build.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	raw, err := os.ReadFile("testdata/scrapekit.hcl")
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "scrapekit.hcl")
	text := strings.ReplaceAll(string(raw), "{root}/examples/source-forum/bin", filepath.ToSlash(dir))
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	code, out := killtest(t, append(few, "-copy", file, "-streams", "posts", "--", filepath.Join(dir, "scrapekit"),
		"run", "scrapekit.hcl")...)
	landed := regexp.MustCompile(`(?m)^seed .*: (\d+) of 6 kills landed; 0 lost, 0 twice, 0 torn$`).FindStringSubmatch(
		out)
	if code != exact || landed == nil {
		t.Fatalf("ended with %d", code)
	}
	if n, _ := strconv.Atoi(landed[1]); n < 2 {
		t.Errorf("%d kills landed: the test proves less than it says", n)
	}
}

func TestWrongUse(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{
		nil, {"-when", "never", "--", "x"}, {"-spread", "x", "--", "x"}, {"-trials", "0", "--", "x"}, {"-no-such"},
		{"--", filepath.Join(t.TempDir(), "no such program")},
		{"-records", "10", "-output", "elsewhere/*", "--", "{killtest}", "naive", "{url}"},
		{"-copy", "no such file", "--", "x"},
	} {
		if code, out := killtest(t, args...); code != usage || out == "" {
			t.Errorf("%q ended with %d", args, code)
		}
	}
}

func TestMomentsRepeat(t *testing.T) {
	t.Parallel()
	for _, spread := range []string{"uniform", "exponential", "fixed"} {
		draw := func(seed uint64) (out []float64) {
			b := &bench{settings: settings{spread: spread, when: "time"}, random: newRandom(seed), mean: 1}
			for range 5 {
				b.moment()
				out = append(out, b.random.Float64())
			}
			return out
		}
		a, again, other := draw(3), draw(3), draw(4)
		for i := range a {
			if a[i] != again[i] || a[i] == other[i] {
				t.Errorf("%s: %v, again %v, of another seed %v", spread, a, again, other)
				break
			}
		}
	}
}

func TestCount(t *testing.T) {
	t.Parallel()
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	if _, err := z.Write([]byte("{\"id\":\"items-1\"}\n{\"id\":\"items-2\"}\n")); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		file, text string
		want       tally
	}{
		"all":            {"a.jsonl", "{\"id\":\"items-1\"}\n{\"id\":\"items-2\"}\n", tally{records: 2}},
		"without an end": {"a.jsonl", "{\"id\":\"items-2\"}\n{\"id\":\"items-1\"}", tally{records: 2}},
		"lost":           {"a.jsonl", "{\"id\":\"items-2\"}\n", tally{records: 1, lost: 1}},
		"nothing":        {"a.jsonl", "", tally{lost: 2}},
		"no file":        {"elsewhere", "x", tally{lost: 2}},
		"twice": {"a.jsonl", "{\"id\":\"items-1\"}\n{\"id\":\"items-1\"}\n{\"id\":\"items-1\"}\n",
			tally{records: 1, twice: 2, lost: 1}},
		"torn": {"a.jsonl", "{\"id\":\"items-1\"}\n{\"id\":\"ite{\"id\":\"items-2\"}\n",
			tally{records: 1, torn: 1, lost: 1}},
		"never served": {"a.jsonl", "{\"id\":\"items-1\"}\n{\"id\":\"items-2\"}\n{\"id\":\"items-3\"}\n",
			tally{records: 2, foreign: 1}},
		"gzip":             {"a.jsonl.gz", packed.String(), tally{records: 2}},
		"gzip, broken off": {"a.jsonl.gz", packed.String()[:packed.Len()-9], tally{records: 2, torn: 1}},
		"csv":              {"a.csv", "n,id\n1,items-1\n2,items-2\n", tally{records: 2}},
		"csv, again":       {"a.csv", "n,id\n1,items-1\nn,id\n1,items-1\n2,items-2\n", tally{records: 2, twice: 1}},
		"csv, torn":        {"a.csv", "n,id\n1,items-1\n2\n", tally{records: 1, torn: 1, lost: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, c.file), []byte(c.text), 0o600); err != nil {
				t.Fatal(err)
			}
			s := settings{records: 2, streams: []string{"items"}, output: "a.*", field: "id"}
			got, err := (&bench{settings: s, api: &api{settings: s}}).count(t.Context(), dir)
			if err != nil || got != c.want {
				t.Errorf("got %+v (%v), want %+v", got, err, c.want)
			}
		})
	}
}

func TestIdsFromACommand(t *testing.T) {
	t.Parallel()
	if code, _ := killtest(t, "-records", "40", "-latency", "1ms", "-trials", "1", "-kills", "0", "-ids",
		"echo items-1", "--", "{killtest}", "naive", "{url}"); code != usage {
		t.Errorf("ended with %d; 39 records are lost for a command that names one", code)
	}
}
