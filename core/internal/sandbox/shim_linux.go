// The first stage: a process that restricts itself and then executes the plugin.

package sandbox

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// shimName is the first argument, which marks the first stage.
const shimName = "scrapekit-sandbox"

// shimEnv is the environment of the first stage. Its threads must end before the exec, which takes
// long on a busy machine, so it has few.
var shimEnv = []string{"GOMAXPROCS=1", "GOGC=off"}

// order is the first stage's only argument. Every process can read it.
type order struct {
	Policy
	Args      []string
	Program   int      // its descriptor, above the limit
	ABI       int      // version of Landlock
	Libraries []string // read by the program's loader
	Loader    string   // executes a dynamically linked program; "": none
	Hide      bool     // make everything else invisible
	Bound     bool     // the pid namespace limits the number of processes
	Ask       int      // socket over which the host receives the listener for bind; 0: none
	Own       bool     // keep root's capability to use granted files of other users
}

// init takes over a process that [Start] has started. The package comment says why it is an init.
func init() {
	if len(os.Args) != 2 || os.Args[0] != shimName {
		return
	}
	var o order
	err := json.Unmarshal([]byte(os.Args[1]), &o)
	if err == nil {
		err = o.run()
	}
	var exec *execError
	if errors.As(err, &exec) {
		fmt.Fprintf(os.Stderr, "%sexec %d\n", refusalPrefix, exec.errno)
	} else {
		fmt.Fprintf(os.Stderr, "%s%v\n", refusalPrefix, err)
	}
	syscall.Exit(refusalCode)
}

type execError struct{ errno syscall.Errno }

func (e *execError) Error() string { return e.errno.Error() }

// run returns only on an error. Inits run on the main thread and stay there, so restrictions of
// this thread apply to what it executes.
func (o *order) run() error {
	if orphaned() {
		return errors.New("the host has died")
	}
	tasks, err := tasks() // before /proc disappears
	if err != nil {
		return err
	}
	// If hiding was not requested, an error is ignored: the host's own environment may forbid
	// mounts.
	sealed := false
	if o.Hide {
		if sealed, err = o.hide(); err != nil && o.Level == Full {
			return err
		}
	}
	if err := o.limits(tasks); err != nil {
		return err
	}
	if err := o.dropCapabilities(); err != nil {
		return err
	}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("no_new_privs: %w", err)
	}
	writes := len(o.Write) > 0
	in := filterInput{pid: os.Getpid(), execFD: o.Program, abi: o.ABI, change: writes && sealed, locks: writes,
		ask: o.Ask > 0}
	argv, err := syscall.SlicePtrFromStrings(o.Args)
	if err != nil {
		return err
	}
	env := slices.DeleteFunc(os.Environ(), func(v string) bool { return slices.Contains(shimEnv, v) })
	envv, err := syscall.SlicePtrFromStrings(env)
	if err != nil {
		return err
	}
	if err := o.files(o.Program); err != nil {
		return err
	}
	if err := o.filter(in); err != nil {
		return err
	}
	var empty [1]byte
	_, _, errno := unix.RawSyscall6(unix.SYS_EXECVEAT, uintptr(o.Program), uintptr(unsafe.Pointer(&empty)),
		uintptr(unsafe.Pointer(&argv[0])),
		uintptr(unsafe.Pointer(&envv[0])), unix.AT_EMPTY_PATH, 0)
	return &execError{errno}
}

// filter installs the filter. If a supervisor of this process already has a listener, a second one
// is impossible, and the plugin binds its socket itself.
func (o *order) filter(in filterInput) error {
	if in.ask {
		filter, err := newFilter(in)
		if err != nil {
			return err
		}
		if listener, err := install(filter, unix.SECCOMP_FILTER_FLAG_NEW_LISTENER); err == nil {
			return unix.Sendmsg(o.Ask, []byte{0}, unix.UnixRights(listener), nil, 0)
		}
		in.ask = false
	}
	filter, err := newFilter(in)
	if err != nil {
		return err
	}
	_, err = install(filter, 0)
	return err
}

// orphaned reports whether the host ended before this process was set to end with it. In its own
// pid namespace, a process cannot see its parent, but then nobody reads its output either.
func orphaned() bool {
	out := []unix.PollFd{{Fd: 1}}
	n, err := unix.Poll(out, 0)
	return err == nil && n > 0 && out[0].Revents&unix.POLLERR != 0
}

// Limits that are independent of the policy.
const (
	maxStack   = 8 << 20 // bytes, of the first thread
	maxSignals = 1024    // queued, of all the user's processes; includes timers
)

// limits sets the limits of the process. The limit of descriptors is the program's number, so that
// no other file can get that number; the filter does not allow changing limits.
func (o *order) limits(tasks uint64) error {
	if err := unix.CloseRange(3, math.MaxUint32, unix.CLOSE_RANGE_CLOEXEC); err != nil && !errors.Is(err, unix.ENOSYS) {
		return fmt.Errorf("close what was inherited: %w", err) // without close_range, the host has set close-on-exec
	}
	unix.CloseOnExec(o.Program)
	for _, l := range []struct {
		resource int
		limit    uint64
		applies  bool
	}{
		{unix.RLIMIT_NOFILE, uint64(o.Program), true},
		{unix.RLIMIT_CORE, 0, true},
		{unix.RLIMIT_DATA, o.Limits.Memory, o.Limits.Memory > 0},
		{unix.RLIMIT_NPROC, tasks + o.Limits.Threads, true},
		{unix.RLIMIT_STACK, maxStack, true},        // stacks count for no other limit
		{unix.RLIMIT_SIGPENDING, maxSignals, true}, // includes timers, which are limited per user
		{unix.RLIMIT_FSIZE, 0, len(o.Write) == 0},  // it could fill the disk of its socket
	} {
		if !l.applies {
			continue
		}
		var now unix.Rlimit
		if err := unix.Getrlimit(l.resource, &now); err != nil {
			return err
		}
		limit := min(l.limit, now.Max)
		if err := unix.Setrlimit(l.resource, &unix.Rlimit{Cur: limit, Max: limit}); err != nil {
			return fmt.Errorf("limit %d: %w", l.resource, err)
		}
	}
	return nil
}

// tasks returns the number of threads on the machine. The limit of threads counts all processes of
// a user, so it can only be set above that.
func tasks() (uint64, error) {
	raw, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return 0, err
	}
	var load [3]float64
	var running, all uint64
	if _, err := fmt.Sscanf(string(raw), "%f %f %f %d/%d", &load[0], &load[1], &load[2], &running, &all); err != nil {
		return 0, fmt.Errorf("/proc/loadavg: %q: %w", raw, err)
	}
	return all, nil
}

// dropCapabilities drops all capabilities, except the one to use files of other users if the order
// keeps it; Landlock limits which files.
func (o *order) dropCapabilities() error {
	var keep uint32
	if o.Own {
		keep = 1 << unix.CAP_DAC_OVERRIDE
	}
	for c := range uintptr(unix.CAP_LAST_CAP + 1) {
		if c != unix.CAP_DAC_OVERRIDE || !o.Own {
			// If the bounding set cannot be changed, no_new_privs prevents its use.
			_ = unix.Prctl(unix.PR_CAPBSET_DROP, c, 0, 0, 0)
		}
	}
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var has [2]unix.CapUserData
	if err := unix.Capget(&header, &has[0]); err != nil {
		return fmt.Errorf("capabilities: %w", err)
	}
	keep &= has[0].Permitted
	has = [2]unix.CapUserData{{Effective: keep, Permitted: keep}}
	if err := unix.Capset(&header, &has[0]); err != nil {
		return fmt.Errorf("capabilities: %w", err)
	}
	return nil
}

// devices are device files that programs expect.
var devices = map[string]uint64{
	"/dev/null": writeFile, "/dev/random": readFile, "/dev/urandom": readFile,
	"/etc/localtime": readFile, "/usr/share/zoneinfo": readTree,
}

// files restricts the process to its files.
func (o *order) files(program int) error {
	r, err := newRuleset(o.ABI)
	if err != nil {
		return err
	}
	if err := r.addFD(program, execFile); err != nil {
		return fmt.Errorf("landlock: the program: %w", err)
	}
	rules := []struct {
		paths  []string
		rights uint64
	}{{o.Libraries, readTree}, {o.Read, readTree}, {o.Write, writeTree}}
	if o.Loader != "" {
		if err := r.add(o.Loader, execFile); err != nil {
			return err
		}
	}
	if o.Sockets != "" {
		if err := r.add(o.Sockets, socketTree); err != nil {
			return err
		}
	}
	for _, rule := range rules {
		for _, path := range rule.paths {
			if err := r.add(filepath.Clean(path), rule.rights); err != nil {
				return err
			}
		}
	}
	for path, rights := range devices {
		if err := r.add(path, rights); err != nil {
			return err
		}
	}
	return r.restrict()
}
