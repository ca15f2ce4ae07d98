// Process groups, on every system that has them.

//go:build unix

package pluginhost

import (
	"os"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// tree is a process group: the plugin and the children that it started.
type tree struct{ group int }

func newTree(p *os.Process) (tree, error) { return tree{group: p.Pid}, nil }

// kill ends the whole group. An error means that nobody is left in it.
func (t tree) kill() { _ = syscall.Kill(-t.group, syscall.SIGKILL) }

func (t tree) close() {}

// keepDescriptors marks every descriptor that the host itself has inherited, so that no plugin
// inherits it in turn. Go does so for all that it opens.
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
