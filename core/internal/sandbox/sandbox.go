// Package sandbox starts a plugin's process so that it can do what it was granted and nothing else.
// Package pluginhost hands it an exec.Cmd and a [Policy]; what it knows of plugins is that they
// listen on a unix socket in one folder.
//
// On Linux three things of the kernel are put together, none of which needs a privilege:
//
//   - Landlock keeps the process from every file but its own program, its socket's folder and what the policy grants.
//   - A seccomp filter of our own leaves it no socket but unix stream sockets, and no connect at all: so there is no network, TCP,
//     UDP, MPTCP or otherwise, and no agent's or daemon's socket. There is no exec, no fork, no signal to others
//     and no question about them, and none of the calls by which files are changed that Landlock does not see, such as chmod. System calls of another
//     architecture kill the process: they would go past a filter that knows one.
//   - The socket that it listens at is the host's: where it has no network of its own, its call of bind
//     is answered by the host, once. A socket without a path would be open to everybody.
//   - Limits: no core dump, few descriptors, bounded memory and threads, no bytes into files for whoever was granted none; no new
//     privileges, no capabilities.
//
// Where the host is root, or where [Full] is asked for, namespaces come on top: no network, no
// other process and no file is even there, and what is only to be read is mounted so. A plugin of
// root without files is another user too. Landlock alone is no network sandbox, and a network
// namespace alone leaves files and unix sockets: so the first two are required and namespaces are a
// bonus.
//
// # How it starts
//
// The host opens the program, looks at what it opened, and starts its own executable again with
// that descriptor. There init, before anything else of that program runs, takes the process over:
// it gives up what it does not need, restricts itself, and executes the program by the descriptor.
// So what runs is what was looked at, whatever has become of the file's name since. The filter lets
// one exec through, of a descriptor with a number that the limit of descriptors rules out for all
// that are opened later. That it is an init makes every program that starts plugins its own first
// stage, tests among them, and spares it the inits of most other packages.
package sandbox

import (
	"fmt"
	"slices"
	"strings"
)

// Level says how much a plugin's process is confined.
type Level string

// The levels, from the most to the least.
const (
	// Full is Strong and namespaces of the process's own.
	Full Level = "full"
	// Strong is Landlock, seccomp and limits. It is the preset.
	Strong Level = "strong"
	// Env keeps from a plugin the environment, descriptors and standard input of the host, and ends
	// it with the host.
	Env Level = "env"
	// None hands the environment on as well.
	None Level = "none"
)

// Levels lists them.
func Levels() []Level { return []Level{Full, Strong, Env, None} }

// ParseLevel reads the name of a level.
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

// Confines reports whether the kernel holds the plugin, and not its good will.
func (l Level) Confines() bool { return l == Full || l == Strong }

// Policy is what a process may do.
type Policy struct {
	Level   Level
	Sockets string   // the folder in which it may make a socket
	Read    []string // files and folders, absolute; what does not exist is left out
	Write   []string // the same, to be read and written
	Limits  Limits
}

// Limits are walls before those of the machine, for a process that runs away.
type Limits struct {
	Memory  uint64 // bytes of data; 0: any number
	Threads uint64 // beyond all that the machine has at the start
	Files   uint64 // open at once
}

// DefaultLimits are those of plugins. A record may have 64 MiB, and a runtime may want several
// times that.
func DefaultLimits() Limits { return Limits{Memory: memoryLimit, Threads: 4096, Files: 1024} }

// MissingError says that a level is not to be had.
type MissingError struct {
	Level Level
	What  string // the system has not
}

func (e *MissingError) Error() string {
	return fmt.Sprintf("the sandbox level %q is not available here: %s; %s", e.Level, e.What, wayOut)
}

const wayOut = "`scrapekit doctor` shows what there is; --sandbox=env runs plugins unconfined, if you trust all of them"

// refusalPrefix begins what the first stage says on standard error when it cannot go on, and
// refusalCode is what it exits with.
const (
	refusalPrefix = "scrapekit sandbox: "
	refusalCode   = 125
)
