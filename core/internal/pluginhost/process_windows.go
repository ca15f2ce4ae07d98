// Windows: a job object holds a plugin with its children, and ends them when the host is gone.

package pluginhost

import (
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"unsafe"

	"golang.org/x/sys/windows"
)

// tree is a job. The host holds the only handle: Windows closes it when the host dies, and then
// ends everything in the job.
type tree struct{ job windows.Handle }

func newTree(p *os.Process) (tree, error) {
	job, err := windows.CreateJobObject(nil, nil)
	if err != nil {
		return tree{}, fmt.Errorf("job object: %w", err)
	}
	t := tree{job: job}
	if err := t.take(p.Pid); err != nil {
		t.close()
		return tree{}, fmt.Errorf("job object: %w", err)
	}
	return t, nil
}

// take puts the process into the job.
func (t tree) take(pid int) error {
	limits := windows.JOBOBJECT_EXTENDED_LIMIT_INFORMATION{
		BasicLimitInformation: windows.JOBOBJECT_BASIC_LIMIT_INFORMATION{LimitFlags: windows.JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE},
	}
	if _, err := windows.SetInformationJobObject(t.job, windows.JobObjectExtendedLimitInformation,
		uintptr(unsafe.Pointer(&limits)), uint32(unsafe.Sizeof(limits))); err != nil {
		return err
	}
	process, err := windows.OpenProcess(windows.PROCESS_SET_QUOTA|windows.PROCESS_TERMINATE, false, uint32(pid))
	if err != nil {
		return err
	}
	defer windows.CloseHandle(process)
	return windows.AssignProcessToJobObject(t.job, process)
}

// kill ends everything in the job. An error means that nothing is left in it.
func (t tree) kill() { _ = windows.TerminateJobObject(t.job, 1) }

func (t tree) close() { _ = windows.CloseHandle(t.job) }

// isolate keeps Ctrl-C away from the plugin, and a window from the screen.
func isolate(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{CreationFlags: windows.CREATE_NEW_PROCESS_GROUP, HideWindow: true}
}

// wait waits for the process's end and calls ended right after.
func wait(cmd *exec.Cmd, ended func()) error {
	err := cmd.Wait()
	ended()
	return err
}

// keepDescriptors has nothing to do: Go names the handles that a child inherits one by one.
func keepDescriptors() error { return nil }

// byDescriptor is not to be had here: the path is run right after it was looked at.
func byDescriptor(*exec.Cmd, *os.File) {}
