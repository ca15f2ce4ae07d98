// Package sandbox starts a plugin's process so that it can only do what it was granted. Package
// pluginhost passes it an exec.Cmd and a [Policy]. All that the sandbox knows of plugins is that
// they listen on a unix socket in one folder.
//
// On Linux it combines mechanisms of the kernel that need no privilege:
//
//   - Landlock keeps the process from every file except its own program, its socket's folder and
//     what the policy grants.
//   - A seccomp filter leaves it no sockets except unix stream sockets, and no connect at all. So
//     there is no network (TCP, UDP, MPTCP or other) and no socket of an agent or daemon. There
//     is no exec, no fork, no signal to other processes and no query about them, and none of the
//     calls that change files unseen by Landlock, such as chmod. System calls of another
//     architecture kill the process, because they would bypass a filter for one architecture.
//   - The host provides the socket that it listens on: if it has no network namespace, the host
//     answers its call of bind, once. Everybody could connect to an abstract socket.
//   - Limits: no core dump, few descriptors, bounded memory and threads, no writes to files without
//     a grant; no new privileges, no capabilities.
//
// If the host is root, or with [Full], namespaces are added: networks, other processes and other
// files do not exist for the process, and read-only files are mounted read-only. A plugin of root
// without files also runs as another user. Landlock alone does not restrict the network, and a
// network namespace alone does not restrict files and unix sockets. So Landlock and seccomp are
// required, and namespaces are an addition.
//
// # How it starts
//
// The host opens the program, checks the open file, and starts its own executable again with that
// descriptor. There, init takes over before anything else of that program runs: it gives up what it
// does not need, restricts itself, and executes the program by its descriptor. So the checked file
// is executed even if its path has changed since. The filter allows one exec, of a descriptor whose
// number the limit of descriptors excludes for all later files. Because it is an init, every
// program that starts plugins can be its own first stage, including tests, and the inits of most
// other packages do not run.
package sandbox

import (
	"fmt"
	"slices"
	"strings"
)

// Level is how strictly a plugin's process is confined.
type Level string

// The levels, strictest first.
const (
	// Full is Strong plus namespaces.
	Full Level = "full"
	// Strong is Landlock, seccomp and limits. It is the default.
	Strong Level = "strong"
	// Env withholds the host's environment, descriptors and standard input, and ends the plugin
	// with the host.
	Env Level = "env"
	// None passes the environment on as well.
	None Level = "none"
)

// Levels returns all levels.
func Levels() []Level { return []Level{Full, Strong, Env, None} }

// ParseLevel parses the name of a level.
func ParseLevel(text string) (Level, error) {
	if slices.Contains(Levels(), Level(text)) {
		return Level(text), nil
	}
	var names []string
	for _, l := range Levels() {
		names = append(names, string(l))
	}
	return "", fmt.Errorf("%q is not a level of the sandbox; there are %s", text, strings.Join(names, ", "))
}

// Confines reports whether the kernel confines the plugin.
func (l Level) Confines() bool { return l == Full || l == Strong }

// Policy is what a process may do.
type Policy struct {
	Level   Level
	Sockets string   // folder in which it may make a socket
	Read    []string // absolute paths of files and folders; missing ones are ignored
	Write   []string // likewise, for reading and writing
	Limits  Limits
}

// Limits bound a runaway process before it exhausts the machine.
type Limits struct {
	Memory  uint64 // bytes of data; 0: unlimited
	Threads uint64 // in addition to those that the machine has at the start
	Files   uint64 // open at the same time
}

// DefaultLimits are the limits of plugins. A record may have 64 MiB, and a runtime may need several
// times that.
func DefaultLimits() Limits { return Limits{Memory: memoryLimit, Threads: 4096, Files: 1024} }

// MissingError says that a level is not supported.
type MissingError struct {
	Level Level
	What  string // what the system lacks
}

func (e *MissingError) Error() string {
	return fmt.Sprintf("the sandbox level %q is not available here: %s; %s", e.Level, e.What, wayOut)
}

const wayOut = "`scrapekit doctor` shows what there is; --sandbox=env runs plugins unconfined, if you trust all of them"

// refusalPrefix is the prefix of the first stage's error on standard error, and refusalCode is its
// exit code.
const (
	refusalPrefix = "scrapekit sandbox: "
	refusalCode   = 125
)
