// Process groups on Unix.

//go:build unix

package pluginhost

import (
	"os"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// tree is a process group: the plugin and its children.
type tree struct{ group int }

func newTree(p *os.Process) (tree, error) { return tree{group: p.Pid}, nil }

// kill kills the whole group. An error means that it is empty.
func (t tree) kill() { _ = syscall.Kill(-t.group, syscall.SIGKILL) }

func (t tree) close() {}

// keepDescriptors sets close-on-exec on descriptors that the host inherited, so that no plugin
// inherits them. Go sets it on its own.
func keepDescriptors() error {
	dir, err := os.Open("/dev/fd")
	if err != nil {
		return err
	}
	defer dir.Close()
	names, err := dir.Readdirnames(-1)
	if err != nil {
		return err
	}
	for _, name := range names {
		if fd, err := strconv.Atoi(name); err == nil && fd > 2 {
			unix.CloseOnExec(fd)
		}
	}
	return nil
}
