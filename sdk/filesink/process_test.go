// Processes that do a few steps and are then killed, where the instant matters.

package filesink

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/scrapekit/scrapekit/sdk"
)

// stepsEnv holds the plan of the test binary, started once more.
const stepsEnv = "FILESINK_TEST_STEPS"

// plan is what such a process does: it opens the sink, does the steps, and waits to be killed. A
// step is "commit", or "stream: record".
type plan struct {
	Config Options
	Start  sdk.Start
	Steps  []string
}

func takeSteps(raw string) error {
	ctx := context.Background()
	var do plan
	if err := json.Unmarshal([]byte(raw), &do); err != nil {
		return err
	}
	sink, err := newSink(do.Config)
	if err == nil {
		err = sink.Open(ctx, do.Start)
	}
	for _, step := range do.Steps {
		if err != nil {
			return err
		}
		if stream, record, isWrite := strings.Cut(step, ": "); isWrite {
			err = sink.Write(ctx, batch(stream, record))
			continue
		}
		var token sdk.Token
		token, err = sink.Commit(ctx)
		fmt.Println(string(token))
	}
	if err != nil {
		return err
	}
	fmt.Println("done")
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}

// process is one that has done its steps.
type process struct {
	t   *testing.T
	cmd *exec.Cmd
	// token is that of its last commit.
	token sdk.Token
}

// inProcess does steps on the place in a process of its own, which goes on to live.
func (p *place) inProcess(start sdk.Start, steps ...string) *process {
	p.Helper()
	p.kill()
	if start.Started.IsZero() {
		start.Started = day
	}
	c := p.config
	c.Path = p.file(c.Path)
	raw, err := json.Marshal(plan{c, start, steps})
	p.ok(err)
	run := &process{t: p.T, cmd: exec.Command(os.Args[0])}
	run.cmd.Env = append(os.Environ(), stepsEnv+"="+string(raw))
	run.cmd.Stderr = os.Stderr
	_, err = run.cmd.StdinPipe()
	p.ok(err)
	out, err := run.cmd.StdoutPipe()
	p.ok(err)
	p.ok(run.cmd.Start())
	p.Cleanup(run.kill)
	lines := bufio.NewScanner(out)
	for lines.Scan() && lines.Text() != "done" {
		run.token = sdk.Token(lines.Text())
	}
	return run
}

// kill ends it as kill -9 does.
func (r *process) kill() {
	if r.cmd.ProcessState != nil {
		return
	}
	_ = r.cmd.Process.Kill() // an error says that it has ended already
	_ = r.cmd.Wait()         // it was killed, and says so
}

// TestOneWriter: a path belongs to one sink from Open to Close, whichever process it is in.
func TestOneWriter(t *testing.T) {
	p := newPlace(t, Options{Path: "{stream}.jsonl"})
	first := p.inProcess(sdk.Start{Run: "r1"}, "a: 1", "commit", "a: 2")
	p.refuses(sdk.Start{Run: "r9"}, p.file("{stream}.jsonl"), "another sink or run")
	p.has("a.jsonl", "1\n2\n") // it was not brought back to anything
	first.kill()
	p.open(sdk.Start{Run: "r1", Token: first.token, Resume: true})
	p.has("a.jsonl", "1\n")

	// In one process as well, until it is closed.
	holder := p.sink
	p.sink = nil
	p.refuses(sdk.Start{Run: "r9"}, "another sink or run")
	p.ok(holder.Close())
	p.open(sdk.Start{Run: "r9"})
}

// TestWaitsForTheDying: who was killed a moment ago may hold the lock still.
func TestWaitsForTheDying(t *testing.T) {
	p := newPlace(t, Options{Path: "{stream}.jsonl"})
	p.open(sdk.Start{Run: "r1"})
	holder := p.sink
	waiter, err := newSink(Options{Path: p.file("{stream}.jsonl")})
	p.ok(err)
	opened := make(chan error, 1)
	go func() { opened <- waiter.Open(t.Context(), sdk.Start{Run: "r2", Started: day}) }()
	select {
	case err := <-opened:
		t.Fatalf("opened beside another: %v", err)
	default:
	}
	holder.Abandon()
	p.ok(<-opened)
	p.ok(waiter.Close())
}

// TestOneFileTwoPaths: two paths may lead to one file.
func TestOneFileTwoPaths(t *testing.T) {
	p := newPlace(t, Options{Path: "{stream}.jsonl"})
	p.open(sdk.Start{Run: "r1"})
	p.write("a", "1")
	other, err := newSink(Options{Path: p.file("a.jsonl")})
	p.ok(err)
	p.ok(other.Open(t.Context(), sdk.Start{Run: "r2", Started: day}))
	defer other.Close()
	err = other.Write(t.Context(), batch("x", "2"))
	if err == nil || !sdk.IsPermanent(err) || !strings.Contains(err.Error(), p.file("a.jsonl")) {
		t.Errorf("got %v", err)
	}
	p.has("a.jsonl", "1\n")
}

// hidden lists what is in the folder beside the journal and the files of the streams.
func (p *place) hidden() []string {
	found, err := filepath.Glob(p.file(".scrapekit-old-*"))
	p.ok(err)
	return found
}

// TestOverwriteNothing: a run that finds nothing, or does not get that far, takes nothing away.
func TestOverwriteNothing(t *testing.T) {
	p := newPlace(t, Options{Path: "{stream}.jsonl", Mode: "overwrite"})
	p.open(sdk.Start{Run: "r1"})
	p.write("a", "1")
	p.write("b", "1")
	token := p.commit()
	p.ok(p.sink.Close())
	for _, run := range []string{"r2", "r3"} {
		p.open(sdk.Start{Run: run, Token: token}) // and the source is not reached
		p.ok(p.sink.Close())
		p.has("a.jsonl", "1\n")
		p.open(sdk.Start{Run: run, Token: token})
		token = p.commit() // of nothing
		p.ok(p.sink.Close())
		p.has("a.jsonl", "1\n")
		p.has("b.jsonl", "1\n")
	}
	p.open(sdk.Start{Run: "r4", Token: token})
	p.write("a", "4")
	p.commit()
	p.has("a.jsonl", "4\n")
	p.has("b.jsonl", "-")
	p.ok(p.sink.Close())
	if left := p.hidden(); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
}

// TestOverwriteKilled: until the host has kept a token of the new records, what they replace is
// brought back.
func TestOverwriteKilled(t *testing.T) {
	p := newPlace(t, Options{Path: "{stream}.jsonl", Mode: "overwrite"})
	p.put("c.jsonl", "users\n")
	first := p.inProcess(sdk.Start{Run: "r1"}, "a: 1", "b: 1", "commit")
	first.kill()
	next := sdk.Start{Run: "r2", Token: first.token}
	whole := func(when string) {
		t.Helper()
		p.open(next)
		for name, want := range map[string]string{"a.jsonl": "1\n", "b.jsonl": "1\n", "c.jsonl": "users\n"} {
			p.has(name, want)
		}
		if left := p.hidden(); len(left) > 0 {
			t.Errorf("%s: left behind: %q", when, left)
		}
	}
	p.inProcess(next, "a: 2", "c: 2").kill()
	whole("before the first commit")
	p.inProcess(next, "a: 2", "c: 2", "commit", "a: 3").kill() // and the host has lost the token
	whole("the token was lost")
	nothing := p.inProcess(next, "commit")
	nothing.kill()
	next.Token, next.Resume = nothing.token, true
	p.inProcess(next, "a: 2", "c: 2", "commit").kill()
	whole("after a commit of nothing")

	kept := p.inProcess(next, "a: 2", "commit", "a: 3", "c: 3")
	kept.kill()
	next.Token = kept.token
	p.open(next)
	p.has("a.jsonl", "2\n")
	p.has("b.jsonl", "-")
	p.has("c.jsonl", "users\n") // its turn came after the commit
	if left := p.hidden(); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
}

// TestOverwriteDropsInTime: two versions of the data are not kept for longer than needed.
func TestOverwriteDropsInTime(t *testing.T) {
	p := newPlace(t, Options{Path: "{stream}.jsonl", Mode: "overwrite"})
	p.put("a.jsonl", "users\n")
	p.open(sdk.Start{Run: "r1"})
	p.write("a", "1")
	p.commit()
	if len(p.hidden()) != 1 {
		t.Fatal("what was there is not kept until the host has kept the token")
	}
	p.write("a", "2")
	token := p.commit()
	if left := p.hidden(); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
	p.open(sdk.Start{Run: "r1", Token: token, Resume: true})
	p.has("a.jsonl", "1\n2\n")
}

// TestOverwriteThenReset: without a state, what a token was handed out for is the user's; so is
// what it replaced gone.
func TestOverwriteThenReset(t *testing.T) {
	p := newPlace(t, Options{Path: "{stream}.jsonl", Mode: "overwrite"})
	p.put("a.jsonl", "users\n")
	p.inProcess(sdk.Start{Run: "r1"}, "a: 1", "commit").kill()
	p.open(sdk.Start{Run: "r2"})
	p.has("a.jsonl", "1\n")
	if left := p.hidden(); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
}

// TestUsersLines: what somebody has added to a finished file stays, and what a killed run has added
// goes.
func TestUsersLines(t *testing.T) {
	p := newPlace(t, Options{Path: "{stream}.jsonl"})
	p.open(sdk.Start{Run: "r1"})
	p.write("a", "1")
	token := p.commit()
	p.ok(p.sink.Close())
	p.put("a.jsonl", "1\nusers") // without an end of line

	next := sdk.Start{Run: "r2", Token: token}
	p.open(next)
	p.has("a.jsonl", "1\nusers")
	p.ok(p.sink.Close())
	for range 2 {
		p.inProcess(next, "a: 2").kill() // between its first write and its first commit
		p.open(next)
		p.has("a.jsonl", "1\nusers")
	}
	done := p.inProcess(next, "a: 2", "commit", "a: 3")
	done.kill() // after the last commit
	next.Token, next.Resume = done.token, true
	p.open(next)
	p.has("a.jsonl", "1\nusers\n2\n")

	// A full run would take away what is not ours.
	p.refuses(sdk.Start{Run: "r3", Token: next.Token, Full: true}, p.file("a.jsonl"), "move it away")
	p.has("a.jsonl", "1\nusers\n2\n")
	p.ok(os.Remove(p.file("a.jsonl")))
	p.open(sdk.Start{Run: "r3", Token: next.Token, Full: true})
}

// TestUsersLinesInBetween: a run that was interrupted in an orderly way has left nothing of its own
// behind.
func TestUsersLinesInBetween(t *testing.T) {
	p := newPlace(t, Options{Path: "{stream}.jsonl"})
	p.open(sdk.Start{Run: "r1"})
	p.write("a", "1")
	start := sdk.Start{Run: "r1", Token: p.commit(), Resume: true}
	p.ok(p.sink.Close())
	p.put("a.jsonl", "1\nusers\n")
	p.open(start)
	p.write("a", "2")
	start.Token = p.commit()
	p.has("a.jsonl", "1\nusers\n2\n")
	p.write("a", "3") // and killed
	p.open(start)
	p.has("a.jsonl", "1\nusers\n2\n")

	// Closed, but at a token that the host has lost: then it is ours.
	p.write("a", "3")
	p.commit()
	p.ok(p.sink.Close())
	p.open(start)
	p.has("a.jsonl", "1\nusers\n2\n")
}

// TestReplacedByUser: a larger file in place of ours is the user's, and is not cut in the middle of
// a line.
func TestReplacedByUser(t *testing.T) {
	for _, ext := range []string{"", ".gz"} {
		t.Run("jsonl"+ext, func(t *testing.T) {
			p := newPlace(t, Options{Path: "{stream}.jsonl" + ext})
			p.open(sdk.Start{Run: "r1"})
			p.write("a", "1")
			start := sdk.Start{Run: "r2", Token: p.commit()}
			p.ok(p.sink.Close())
			users := strings.Repeat("users ", 100) + "\n"
			p.put("a.jsonl"+ext, users)
			if ext == "" {
				p.open(start)
				p.write("a", "2")
				p.commit()
				p.has("a.jsonl", users+"2\n")
				return
			}
			p.refuses(start, p.file("a.jsonl.gz"), "compressed", "move it away")
			p.has("a.jsonl.gz", users)
		})
	}
}

// TestUsersLinesOfAnEarlierDay: a file that is never written again is never cut again either.
func TestUsersLinesOfAnEarlierDay(t *testing.T) {
	p := newPlace(t, Options{Path: "{date}.jsonl"})
	p.open(sdk.Start{Run: "r1"})
	p.write("a", "1")
	token := p.commit()
	p.ok(p.sink.Close())
	p.put("2026-03-01.jsonl", "1\nusers\n")
	for _, full := range []bool{false, true} {
		p.open(sdk.Start{Run: "r2", Started: day.AddDate(0, 0, 1), Token: token, Full: full})
		p.has("2026-03-01.jsonl", "1\nusers\n")
	}
}

// TestAnotherRunInBetween: a run that was interrupted does not cut off what another has written
// since.
func TestAnotherRunInBetween(t *testing.T) {
	p := newPlace(t, Options{Path: "{stream}.jsonl"})
	p.open(sdk.Start{Run: "r1"})
	p.write("a", "1")
	token := p.commit()
	p.open(sdk.Start{Run: "x1"}) // of another pipeline
	p.write("a", "x")
	p.commit()
	p.refuses(sdk.Start{Run: "r1", Token: token, Resume: true}, "x1", "full run")
	p.has("a.jsonl", "1\nx\n")
}
