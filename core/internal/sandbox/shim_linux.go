// The first stage: a process that restricts itself and then becomes the plugin.

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

// shimName is the first argument of the first stage, by which it knows itself.
const shimName = "scrapekit-sandbox"

// shimEnv is for the first stage alone: its threads have to end before it can become the plugin,
// and on a busy machine each takes its time.
var shimEnv = []string{"GOMAXPROCS=1", "GOGC=off"}

// order is what the host tells the first stage, as its only argument. Everybody can read it.
type order struct {
	Policy
	Args      []string
	Program   int      // its descriptor, beyond the limit of them
	ABI       int      // of Landlock
	Libraries []string // what the program's loader reads
	Loader    string   // executes what is not static; "": nothing
	Hide      bool     // what was not granted is not even there
	Bound     bool     // the namespace of processes bounds their number
	Ask       int      // socket by which the host is handed what it answers bind with; 0: it does not
	Own       bool     // of files of others too: a capability that root keeps for what it was granted
}

// init takes over a process that [Command] has started. See the package comment on why it is here.
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

// run does not return if all goes well. Inits run on the main thread and stay there, so what
// restricts a thread restricts what it executes.
func (o *order) run() error {
	if orphaned() {
		return errors.New("the host has died")
	}
	tasks, err := tasks() // while there is a /proc
	if err != nil {
		return err
	}
	// Where nobody asked for it, it is a bonus, and what surrounds the host may have something
	// against mounts.
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

// filter installs the filter. Where another program round this one listens to system calls already,
// no second can: then a plugin binds its sockets itself.
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

// orphaned reports whether the host died before the kernel was told to end this process with it;
// afterwards it does. In a namespace of its own a process cannot ask who its parent is, but nobody
// reads its output any more.
func orphaned() bool {
	out := []unix.PollFd{{Fd: 1}}
	n, err := unix.Poll(out, 0)
	return err == nil && n > 0 && out[0].Revents&unix.POLLERR != 0
}

// Limits that no policy changes.
const (
	maxStack   = 8 << 20 // bytes, of the first thread
	maxSignals = 1024    // on their way, all of the user's; with timers
)

// limits sets the limits of the process. That of descriptors is the program's number: no other will
// ever have it, for the filter allows no limit to be set.
func (o *order) limits(tasks uint64) error {
	if err := unix.CloseRange(3, math.MaxUint32, unix.CLOSE_RANGE_CLOEXEC); err != nil && !errors.Is(err, unix.ENOSYS) {
		return fmt.Errorf("close what was inherited: %w", err) // without it, the host has marked all that it has
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
		{unix.RLIMIT_STACK, maxStack, true},        // it counts for no other limit
		{unix.RLIMIT_SIGPENDING, maxSignals, true}, // timers too, which the user has a number of
		{unix.RLIMIT_FSIZE, 0, len(o.Write) == 0},  // it could fill up the disk of its socket
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

// tasks is how many threads the machine has. The limit of threads counts all of a user's, in every
// process: it can only be beyond what there is.
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

// dropCapabilities gives up all of them, but for the one to read and write files of others, if the
// order says so: Landlock says which.
func (o *order) dropCapabilities() error {
	var keep uint32
	if o.Own {
		keep = 1 << unix.CAP_DAC_OVERRIDE
	}
	for c := range uintptr(unix.CAP_LAST_CAP + 1) {
		if c != unix.CAP_DAC_OVERRIDE || !o.Own {
			// Whoever may not change the bounding set is kept from its use by no_new_privs.
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

// devices are what programs expect to be there.
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
