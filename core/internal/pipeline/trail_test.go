// Splits that emit and get no further: whatever comes again and again ends, and what only looks so
// does not.

package pipeline_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/scrapekit/scrapekit/core/internal/checkpoint"
	"github.com/scrapekit/scrapekit/core/internal/pipeline"
	"github.com/scrapekit/scrapekit/sdk"
)

// walker is a source of one split, read by a function.
type walker struct {
	keyless bool
	read    func(from string, w *sdk.Writer) error
}

func (s walker) Streams(context.Context) ([]sdk.Stream, error) {
	if s.keyless {
		return []sdk.Stream{{Name: "numbers"}}, nil
	}
	return []sdk.Stream{{Name: "numbers", PrimaryKey: []string{"n"}}}, nil
}

func (walker) Plan(context.Context, sdk.Plan) ([]sdk.Split, error) {
	return []sdk.Split{{ID: "all", Stream: "numbers"}}, nil
}

func (s walker) Read(_ context.Context, split sdk.Split, w *sdk.Writer) error {
	return s.read(string(split.Cursor), w)
}

// page emits one record, or none for n < 0, and the cursor after it.
func page(w *sdk.Writer, n int, next string) error {
	if n >= 0 {
		if err := w.Emit("numbers", number{N: n}); err != nil {
			return err
		}
	}
	return w.Cursor([]byte(next))
}

// walk runs a source to its end and fails if there is none.
func walk(t *testing.T, s walker, change ...func(*world)) (pipeline.Result, *world) {
	t.Helper()
	w := newWorld(t, &numbers{})
	w.config.Source = always[sdk.Source]("source walker", s)
	for _, f := range change {
		f(w)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
	defer cancel()
	res := w.run(ctx, t)
	if ctx.Err() != nil {
		t.Fatal("the run has no end")
	}
	return res, w
}

// A try that emits and brings the split no further is a try in vain, and ends after so many.
func TestTriesInVain(t *testing.T) {
	t.Parallel()
	down := errors.New("page 2 never comes")
	for name, read := range map[string]func(try int, from string, w *sdk.Writer) error{
		"nothing":           func(int, string, *sdk.Writer) error { return nil },
		"the cursor it has": func(_ int, _ string, w *sdk.Writer) error { return page(w, -1, "page 1") },
		"cursors by turns": func(try int, _ string,
			w *sdk.Writer) error {
			return page(w, -1, fmt.Sprint("page ", try%3))
		},
		"the same records": func(_ int, _ string, w *sdk.Writer) error { return page(w, 7, "page 1") },
		"records by turns": func(try int, _ string,
			w *sdk.Writer) error {
			return page(w, try%2, fmt.Sprint("page ", try%2))
		},
		"several cursors": func(_ int, _ string,
			w *sdk.Writer) error {
			return errors.Join(page(w, 1, "a"), page(w, 2, "b"))
		},
		"counts and rejects": func(_ int, _ string, w *sdk.Writer) error {
			return errors.Join(w.Reject("numbers", []byte("x"), "no"), page(w, -1, "page 1"))
		},
		"a split known before": func(_ int, _ string, w *sdk.Writer) error {
			return errors.Join(w.Split(sdk.Split{ID: "all"}), page(w, -1, "page 1"))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				tries := 0
				res, _ := walk(t, walker{read: func(from string, w *sdk.Writer) error {
					tries++
					if err := read(tries, from, w); err != nil {
						return err
					}
					return down
				}})
				if res.Outcome != checkpoint.Incomplete || !strings.Contains(res.Err.Error(), down.Error()) ||
					tries > 9 {
					t.Errorf("outcome %s after %d tries: %v", res.Outcome, tries, res.Err)
				}
			})
		})
	}
}

// The same when the source dies: a split is not free of blame because it emits before.
func TestDeathsInVain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		deaths := 0
		res, _ := walk(t, walker{read: func(_ string, w *sdk.Writer) error {
			deaths++
			return errors.Join(page(w, -1, "page 1"), crash{})
		}})
		if res.Outcome != checkpoint.Incomplete || deaths > 9 {
			t.Errorf("outcome %s after %d deaths: %v", res.Outcome, deaths, res.Err)
		}
	})
}

// A source that fails now and then but gets further is never given up.
func TestTriesThatGetFurther(t *testing.T) {
	t.Parallel()
	for name, read := range map[string]func(try int, w *sdk.Writer) error{
		"a cursor that moves":      func(try int, w *sdk.Writer) error { return page(w, -1, fmt.Sprint(try)) },
		"records under one cursor": func(try int, w *sdk.Writer) error { return page(w, try, "queue") },
		"splits under one cursor": func(try int, w *sdk.Writer) error {
			return errors.Join(w.Split(sdk.Split{ID: fmt.Sprint(try), Stream: "numbers"}), page(w, -1, "queue"))
		},
		"every fourth try moves the cursor": func(try int,
			w *sdk.Writer) error {
			return page(w, -1, fmt.Sprint(try/4))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				tries := 0
				res, _ := walk(t, walker{read: func(_ string, w *sdk.Writer) error {
					if tries++; tries > 60 {
						return nil
					}
					return errors.Join(read(tries, w), errors.New("once more"))
				}})
				if res.Outcome != checkpoint.Complete {
					t.Errorf("outcome %s after %d tries: %v", res.Outcome, tries, res.Err)
				}
			})
		})
	}
}

// A read that never fails and never ends is ended, with an error that says so.
func TestReadsWithoutEnd(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		keyless bool
		page    func(n int) (record int, cursor string)
		groups  int // at most
		says    string
	}{
		{"a loop of one cursor", false, func(n int) (int, string) { return 1, "a" }, 200, "round in circles"},
		{"a loop of two", false, func(n int) (int, string) { return -1, fmt.Sprint(n % 2) }, 200, "round in circles"},
		{"a loop of two with other records each time", false, func(n int) (int, string) { return n, fmt.Sprint(n % 2) },
			200, "round in circles"},
		{"a loop of 777", false, func(n int) (int, string) { return n % 777, fmt.Sprint(n % 777) }, 900,
			"round in circles"},
		{"a loop after a long way", false, func(n int) (int, string) { return n, fmt.Sprint(min(n, 5000+n%11)) }, 5200,
			"round in circles"},
		{"the last page again and again", false, func(n int) (int, string) { return min(n, 30), fmt.Sprint(n) }, 200,
			"round in circles"},
		{"pages that repeat", false, func(n int) (int, string) { return n % 5, fmt.Sprint(n) }, 200,
			"round in circles"},
		{"empty pages", false, func(n int) (int, string) { return -1, fmt.Sprint(n) }, 10_100, "finds no end"},
		{"the same cursor", false, func(n int) (int, string) { return -1, "here" }, 10_100, "finds no end"},
		{"the same records without a key", true, func(n int) (int, string) { return 1, fmt.Sprint(n) }, 10_100,
			"finds no end"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				groups := 0
				res, _ := walk(t, walker{keyless: c.keyless, read: func(_ string, w *sdk.Writer) error {
					for {
						if groups++; groups > 2*c.groups {
							return sdk.Permanent(errors.New("it is not ended"))
						}
						if err := page(w, first(c.page(groups)), second(c.page(groups))); err != nil {
							return err
						}
					}
				}})
				if res.Outcome != checkpoint.Incomplete || !strings.Contains(res.Err.Error(), c.says) ||
					groups > c.groups {
					t.Errorf("outcome %s after %d groups: %v", res.Outcome, groups, res.Err)
				}
			})
		})
	}
}

func first[A, B any](a A, _ B) A  { return a }
func second[A, B any](_ A, b B) B { return b }

// A page that repeats with the time of the request in its records is told by its keys. A record
// that changes often is none.
func TestPagesThatRepeatOtherwise(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		keys  func(n int) []int
		pages int
		idle  int
		ends  bool
	}{
		{"a page again and again", func(int) []int { return []int{1, 2} }, 20_000, 0, false},
		{"three by turns", func(n int) []int { return []int{n % 3, 7} }, 20_000, 0, false},
		{"with empty ones between", func(n int) []int { return []int{1, 2}[:n%2*2] }, 20_000, 0, false},
		{"one that changes often", func(int) []int { return []int{1} }, 9_000, 0, true},
		{"few that change often", func(n int) []int { return []int{n * n % 7, n % 5, n * n % 3, n / 9000} }, 20_000, 0,
			true},
		{"more often than usual, as the file allows", func(int) []int { return []int{1} }, 20_000, -1, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				groups := 0
				res, _ := walk(t, walker{read: func(_ string, w *sdk.Writer) error {
					for n := range c.pages {
						groups++
						for _, key := range c.keys(n) {
							if err := w.Emit("numbers", map[string]int{"n": key, "at": n}); err != nil {
								return err
							}
						}
						if err := w.Cursor([]byte(fmt.Sprint(n))); err != nil {
							return err
						}
					}
					return nil
				}}, func(w *world) {
					w.config.Source.MaxIdle, w.config.Source.Foreign = c.idle, true
					w.config.Source.Attempts = 1
				})
				switch {
				case c.ends && res.Outcome != checkpoint.Complete:
					t.Errorf("outcome %s: %v", res.Outcome, res.Err)
				case !c.ends && (res.Outcome != checkpoint.Incomplete ||
					!strings.Contains(res.Err.Error(), "finds no end") || groups > 10_100):
					t.Errorf("outcome %s after %d groups: %v", res.Outcome, groups, res.Err)
				}
			})
		})
	}
}

// What only looks like standing still is not ended.
func TestReadsThatTakeLong(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		keyless bool
		page    func(n int) (record int, cursor string)
		idle    int
	}{
		{"many records under one cursor", false, func(n int) (int, string) { return n, "minute 1" }, 0},
		{"pages without a find", false, func(n int) (int, string) { return -1, fmt.Sprint(n) }, 0},
		{"a cursor that waits", false, func(n int) (int, string) { return -1, fmt.Sprint(n / 500) }, 0},
		{"more emptiness than usual, as the file allows", false, func(n int) (int, string) { return -1, fmt.Sprint(n) },
			-1},
		{"equal records without a key", true, func(n int) (int, string) { return n / 900, fmt.Sprint(n) }, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				pages := 9000
				if c.idle != 0 {
					pages = 12_000
				}
				res, _ := walk(t, walker{keyless: c.keyless, read: func(_ string, w *sdk.Writer) error {
					for n := range pages {
						if err := page(w, first(c.page(n)), second(c.page(n))); err != nil {
							return err
						}
					}
					return nil
				}}, func(w *world) { w.config.Source.MaxIdle = c.idle })
				if res.Outcome != checkpoint.Complete {
					t.Errorf("outcome %s: %v", res.Outcome, res.Err)
				}
			})
		})
	}
}

// A commit that kept nothing new does not give a failing sink its attempts anew.
func TestCommitsInVain(t *testing.T) {
	t.Parallel()
	for name, cursor := range map[string]func(n int) string{
		"of one cursor":   func(int) string { return "a" },
		"of two by turns": func(n int) string { return fmt.Sprint(n % 2) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				reads := 0
				source := walker{read: func(_ string, w *sdk.Writer) error {
					reads++
					if err := page(w, -1, cursor(reads)); err != nil {
						return err
					}
					time.Sleep(time.Second) // commits come meanwhile
					return page(w, reads, "z")
				}}
				res, w := walk(t, source, func(w *world) {
					w.shelf.write = func(sdk.Batch) error { return errors.New("the table is locked") }
				})
				if res.Outcome != checkpoint.Failed || len(w.shelf.opens) > 20 {
					t.Errorf("outcome %s after %d openings: %v", res.Outcome, len(w.shelf.opens), res.Err)
				}
			})
		})
	}
}
