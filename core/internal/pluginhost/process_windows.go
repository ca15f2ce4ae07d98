// Windows: a job object holds a plugin with its children and ends with the host.

package pluginhost

import (
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"unsafe"

	"golang.org/x/sys/windows"
)

// tree is a job. Only the host has a handle: when the host ends, Windows closes the handle and ends
// everything in the job.
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

// kill ends everything in the job. An error means that it is empty.
func (t tree) kill() { _ = windows.TerminateJobObject(t.job, 1) }

func (t tree) close() { _ = windows.CloseHandle(t.job) }

// isolate keeps Ctrl-C from the plugin, and opens no window.
func isolate(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{CreationFlags: windows.CREATE_NEW_PROCESS_GROUP, HideWindow: true}
}

// wait waits for the end of the process and calls ended immediately after.
func wait(cmd *exec.Cmd, ended func()) error {
	err := cmd.Wait()
	ended()
	return err
}

// keepDescriptors does nothing: Go lists the handles that a child inherits.
func keepDescriptors() error { return nil }

// byDescriptor does nothing here: the path is executed immediately after it was checked.
func byDescriptor(*exec.Cmd, *os.File) {}
