// Trials: a program is started, killed, and started until it ends.

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

func newRandom(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 0)) }

// bench is what all trials share.
type bench struct {
	settings
	api    *api
	random *rand.Rand
	out    io.Writer
	mean   float64 // seconds, or requests, until a kill
}

// undisturbed makes a trial without kills. What it delivers must be right, or the other trials
// prove nothing.
func (b *bench) undisturbed(ctx context.Context) error {
	dir, err := b.folder()
	if err != nil {
		return err
	}
	defer b.remove(dir)
	began, asked := time.Now(), b.api.served.Load()
	if output, err := b.start(ctx, dir, nil); err != nil {
		return fmt.Errorf("undisturbed, the command ends with: %w\n%s", err, output)
	}
	took, requests := time.Since(began), b.api.served.Load()-asked
	t, err := b.count(ctx, dir)
	if err != nil {
		return err
	}
	if !t.exact() {
		return fmt.Errorf("undisturbed, the command delivers something else than all records once: %s; are -output, "+
			"-id and -streams right?", t)
	}
	fmt.Fprintf(b.out, "undisturbed: %d records, %d requests, %.2f s\n", t.records, requests, took.Seconds())
	if b.mean = b.every; b.mean == 0 {
		whole := took.Seconds()
		if b.when == "requests" {
			whole = float64(requests)
		}
		b.mean = whole / float64(b.kills+1)
	}
	return nil
}

// trial kills the command, then lets it come to its end.
func (b *bench) trial(ctx context.Context, n int) (tally, error) {
	dir, err := b.folder()
	if err != nil {
		return tally{}, err
	}
	defer b.remove(dir)
	landed := 0
	for range b.kills {
		_, err := b.start(ctx, dir, b.moment())
		if ctx.Err() != nil {
			return tally{}, ctx.Err()
		}
		if errors.Is(err, errKilled) {
			landed++
		}
	}
	const starts = 5
	for try := 1; ; try++ {
		output, err := b.start(ctx, dir, nil)
		if err == nil {
			break
		}
		if ctx.Err() != nil {
			return tally{}, ctx.Err()
		}
		if try == starts {
			fmt.Fprintf(b.out, "trial %d did not come to its end in %d starts: %v\n%s\n", n, starts, err, output)
			return tally{kills: landed, planned: b.kills, unfinished: 1}, nil
		}
	}
	t, err := b.count(ctx, dir)
	t.kills, t.planned = landed, b.kills
	return t, err
}

// folder makes the place of a trial.
func (b *bench) folder() (string, error) {
	dir, err := os.MkdirTemp("", "killtest-")
	if err != nil {
		return "", err
	}
	replace, err := b.replacer(dir)
	if err != nil {
		return "", err
	}
	for _, name := range b.copies {
		raw, err := os.ReadFile(name)
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, filepath.Base(name)), []byte(replace.Replace(string(raw))), 0o600)
		}
		if err != nil {
			return "", fmt.Errorf("-copy: %w", err)
		}
	}
	return dir, nil
}

func (b *bench) remove(dir string) {
	if b.keep {
		fmt.Fprintln(b.out, "left:", dir)
		return
	}
	if err := os.RemoveAll(dir); err != nil {
		fmt.Fprintln(b.out, err)
	}
}

func (b *bench) replacer(dir string) (*strings.Replacer, error) {
	root, err := os.Getwd()
	if err != nil {
		return nil, err
	}
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	return strings.NewReplacer("{url}", b.api.url(), "{dir}", filepath.ToSlash(dir), "{root}", filepath.ToSlash(root),
		"{killtest}", self), nil
}

// errKilled is the end of a process that was killed in time.
var errKilled = errors.New("killed")

// start runs the command once. moment ends when it is to be killed; nil: never.
func (b *bench) start(ctx context.Context, dir string, moment func(ctx context.Context) bool) (string, error) {
	replace, err := b.replacer(dir)
	if err != nil {
		return "", err
	}
	var args []string
	for _, a := range b.command {
		args = append(args, replace.Replace(a))
	}
	ctx, cancel := context.WithTimeout(ctx, b.patience)
	defer cancel()
	var output bytes.Buffer
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Dir, cmd.Stdout, cmd.Stderr, cmd.WaitDelay = dir, &output, &output, 10*time.Second
	cmd.Cancel = func() error { return kill(cmd.Process, b.alone) }
	group(cmd)
	if err := cmd.Start(); err != nil {
		return "", err
	}
	watch, ended := context.WithCancel(ctx)
	defer ended()
	killed := make(chan bool, 1)
	go func() {
		hit := moment != nil && moment(watch)
		if hit {
			_ = kill(cmd.Process, b.alone) // it may have ended just now; Wait tells
		}
		killed <- hit
	}()
	err = cmd.Wait()
	ended()
	if <-killed && err != nil {
		return output.String(), errKilled
	}
	return output.String(), err
}

// moment draws the time of the next kill. The returned function waits for it, and reports whether
// it came.
func (b *bench) moment() func(context.Context) bool {
	after := b.mean
	switch b.spread {
	case "uniform":
		after *= 2 * b.random.Float64()
	case "exponential":
		after *= b.random.ExpFloat64()
	}
	if b.when == "time" {
		return func(ctx context.Context) bool { return sleep(ctx, time.Duration(after*float64(time.Second))) }
	}
	from := b.api.served.Load()
	rest := time.Duration(b.random.Float64() * float64(b.latency)) // somewhere between this request and the next
	return func(ctx context.Context) bool {
		for b.api.served.Load()-from < int64(after) {
			select {
			case <-b.api.news:
			case <-ctx.Done():
				return false
			}
		}
		return sleep(ctx, rest)
	}
}

func sleep(ctx context.Context, d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-ctx.Done():
		return false
	}
}
