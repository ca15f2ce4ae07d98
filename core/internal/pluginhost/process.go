// A plugin's process: isolated from the host, watched to its end, killed with its children.

package pluginhost

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// pipeGrace is how long output is still read after the process has ended. It matters only if a
// child that left the process group holds the pipe.
const pipeGrace = time.Second

// process is one plugin process. ended is closed when it is gone, its children are killed and its
// output was read.
type process struct {
	cmd   *exec.Cmd
	start func(*exec.Cmd) error
	out   *lines
	ended chan struct{}

	handshake io.ReadCloser // its first line of output; then blocks until its end
	toHost    *io.PipeWriter

	gone chan struct{} // closed when the process is gone, before ended

	littered  atomic.Bool // killed for filling its socket's folder
	memory    uint64      // limit in bytes; 0: none
	overgrown atomic.Bool // killed for exceeding it

	attached bool // not started by this host; ended is closed when the host disconnects

	mu       sync.Mutex
	tree     tree // its process group; valid while alive
	alive    bool
	unwanted bool             // killed before it was started
	killed   bool             // by the host, while it was alive
	hello    string           // first line of output, for messages
	greeted  bool             // hello is set
	state    *os.ProcessState // set after ended
}

// newProcess prepares a process for cmd: its path, arguments and environment. start is
// (*exec.Cmd).Start, or the sandbox's replacement.
func newProcess(cmd *exec.Cmd, out *lines, start func(*exec.Cmd) error) *process {
	p := &process{cmd: cmd, start: start, out: out, gone: make(chan struct{}), ended: make(chan struct{})}
	p.handshake, p.toHost = io.Pipe()
	return p
}

// run starts the process and returns when it runs, or failed to. It is called once.
func (p *process) run() error {
	stdout, outW, err := os.Pipe()
	if err != nil {
		return err
	}
	stderr, errW, err := os.Pipe()
	if err != nil {
		return errors.Join(err, stdout.Close(), outW.Close())
	}
	p.cmd.Stdin = nil // /dev/null instead of the host's
	p.cmd.Stdout, p.cmd.Stderr = outW, errW
	p.cmd.Env = slices.Concat([]string{}, p.cmd.Env, ownEnv()) // not nil, which would inherit the host's
	isolate(p.cmd)

	started := make(chan error)
	go p.live(started, []*os.File{stdout, stderr}, []*os.File{outW, errW})
	return <-started
}

// live is the process's goroutine, from its start to its end.
func (p *process) live(started chan<- error, ours, theirs []*os.File) {
	// On Linux, the child is killed when the thread that started it ends. So this thread stays
	// until the child has ended.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer closeAll(ours)

	err := p.begin()
	closeAll(theirs)
	started <- err
	if err != nil {
		close(p.ended)
		return
	}
	if p.memory > 0 {
		go p.watchMemory()
	}
	var readers sync.WaitGroup
	readers.Go(func() { p.readStdout(ours[0]) })
	readers.Go(func() { p.out.read(ours[1]) })

	err = wait(p.cmd, p.endTree)
	// Processes that still hold the pipes after that no longer count as part of the plugin.
	late := time.AfterFunc(pipeGrace, func() { closeAll(ours) })
	readers.Wait()
	late.Stop()
	p.mu.Lock()
	p.state = p.cmd.ProcessState
	p.mu.Unlock()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		p.out.add("host: waiting for the plugin's end: " + err.Error())
	}
	close(p.ended)
}

// begin starts the command and puts it into its group.
func (p *process) begin() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.unwanted {
		return errStopped
	}
	if err := p.start(p.cmd); err != nil {
		return err
	}
	t, err := newTree(p.cmd.Process)
	if err != nil {
		return errors.Join(fmt.Errorf("take hold of the process: %w", err), p.cmd.Process.Kill(), p.cmd.Wait())
	}
	p.tree, p.alive = t, true
	return nil
}

// readStdout passes the first line to go-plugin, which expects the handshake there. Later lines are
// ordinary output.
func (p *process) readStdout(stdout io.Reader) {
	r := bufio.NewReaderSize(stdout, maxRawLine)
	defer func() { _ = p.toHost.Close() }() // cannot fail: a pipe in memory
	line, err := readLine(r)
	if err != nil {
		p.awaitGone() // go-plugin kills a process that closes stdout, which would hide how it ends
		return
	}
	p.mu.Lock()
	p.hello, p.greeted = line, true
	p.mu.Unlock()
	if _, err := io.WriteString(p.toHost, line+"\n"); err != nil {
		p.out.add("host: nobody takes the handshake: " + err.Error())
	}
	p.out.readAll(r)
}

func (p *process) awaitGone() {
	late := time.NewTimer(lossTimeout)
	defer late.Stop()
	select {
	case <-p.gone:
	case <-late.C:
	}
}

// kill kills the process and its children. It does not wait. Any goroutine may call it at any time.
func (p *process) kill() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.alive {
		p.killed = true
		p.tree.kill()
	}
	if p.attached && !p.unwanted {
		close(p.ended)
	}
	p.unwanted = true
}

// endTree kills the rest of the group for the last time, before the system reuses its id.
func (p *process) endTree() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.tree.kill()
	p.tree.close()
	p.alive = false
	close(p.gone)
}

// pid returns 0 before the start.
func (p *process) pid() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cmd.Process == nil {
		return 0
	}
	return p.cmd.Process.Pid
}

// crash describes the end of the process. Call it after ended.
func (p *process) crash(label string) *Crash {
	<-p.ended
	p.mu.Lock()
	defer p.mu.Unlock()
	c := newCrash(label, p.state, p.out)
	if p.overgrown.Load() {
		c.Memory = p.memory
	}
	return c
}

// killedByUs reports whether the host killed the process while it was alive.
func (p *process) killedByUs() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.killed
}

// firstLine returns the first line of output, cleaned for a message.
func (p *process) firstLine() (string, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.out.hide.clean(p.hello, maxKept), p.greeted
}

// closeAll closes files to signal their end. Files may be closed already.
func closeAll(files []*os.File) {
	for _, f := range files {
		_ = f.Close()
	}
}
