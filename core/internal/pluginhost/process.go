// A plugin's process: started with nothing of the host's, watched to its end, killed with its
// children.

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

// pipeGrace is how long after a process's end its output is still read. It only matters if a child
// that left the process group holds the pipe open.
const pipeGrace = time.Second

// process is one plugin process. Its end is final: ended is closed when it is gone, its children
// are killed and everything that it wrote has been read.
type process struct {
	cmd   *exec.Cmd
	start func(*exec.Cmd) error
	out   *lines
	ended chan struct{}

	handshake io.ReadCloser // its first line of output, then nothing until its end
	toHost    *io.PipeWriter

	gone chan struct{} // closed before ended, when the process is gone

	littered  atomic.Bool // it was ended for what it made in the folder of its socket
	memory    uint64      // bytes that it may hold; 0: any number
	overgrown atomic.Bool // it was ended for holding more

	attached bool // it was not started here, and is not ended here: ended is closed when it is left alone

	mu       sync.Mutex
	tree     tree // what is killed; valid while alive
	alive    bool
	unwanted bool             // killed before it was started
	killed   bool             // by us, while it was alive
	hello    string           // the first line of output, for messages
	greeted  bool             // there was one
	state    *os.ProcessState // after ended
}

// newProcess prepares a process that runs cmd: its path, arguments and environment. start is
// (*exec.Cmd).Start, or what the sandbox does instead.
func newProcess(cmd *exec.Cmd, out *lines, start func(*exec.Cmd) error) *process {
	p := &process{cmd: cmd, start: start, out: out, gone: make(chan struct{}), ended: make(chan struct{})}
	p.handshake, p.toHost = io.Pipe()
	return p
}

// run starts the process and returns when it runs, or does not. A process is run once.
func (p *process) run() error {
	stdout, outW, err := os.Pipe()
	if err != nil {
		return err
	}
	stderr, errW, err := os.Pipe()
	if err != nil {
		return errors.Join(err, stdout.Close(), outW.Close())
	}
	p.cmd.Stdin = nil // /dev/null, not the host's
	p.cmd.Stdout, p.cmd.Stderr = outW, errW
	p.cmd.Env = slices.Concat([]string{}, p.cmd.Env, ownEnv()) // never nil: that would be the host's
	isolate(p.cmd)

	started := make(chan error)
	go p.live(started, []*os.File{stdout, stderr}, []*os.File{outW, errW})
	return <-started
}

// live is the process's goroutine, from its start to its end.
func (p *process) live(started chan<- error, ours, theirs []*os.File) {
	// On Linux the child is killed when the thread that started it ends; so this thread stays until
	// the child has ended.
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
	// Whoever still holds the pipes is no part of the plugin any more.
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

// begin starts the command and takes hold of it.
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

// readStdout hands the first line to go-plugin, which expects the handshake there. Whatever follows
// is output like any other.
func (p *process) readStdout(stdout io.Reader) {
	r := bufio.NewReaderSize(stdout, maxRawLine)
	defer func() { _ = p.toHost.Close() }() // the end of a pipe in memory
	line, err := readLine(r)
	if err != nil {
		p.awaitGone() // go-plugin kills what closes its stdout, and then nobody knows how it would have ended
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

// kill ends the process and its children. It does not wait and may be called at any time, by
// anyone.
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

// endTree kills what is left of the tree, for the last time: soon the system may give its id to
// others.
func (p *process) endTree() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.tree.kill()
	p.tree.close()
	p.alive = false
	close(p.gone)
}

// pid is 0 before the start.
func (p *process) pid() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cmd.Process == nil {
		return 0
	}
	return p.cmd.Process.Pid
}

// crash tells how the process ended, once it has.
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

// killedByUs reports whether the process was alive when it was killed.
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

// closeAll closes files that are only ever closed to say that nothing follows; one that is closed
// already is fine.
func closeAll(files []*os.File) {
	for _, f := range files {
		_ = f.Close()
	}
}
