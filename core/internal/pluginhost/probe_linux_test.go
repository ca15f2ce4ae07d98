package pluginhost

import (
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/scrapekit/scrapekit/core/internal/sandbox"
)

// TestRootOfOneUser: who is root in a namespace that knows no other user, as `unshare -r` makes it,
// stays who he is.
func TestRootOfOneUser(t *testing.T) {
	t.Parallel()
	for _, level := range []sandbox.Level{sandbox.Full, sandbox.Strong} {
		t.Run(string(level), func(t *testing.T) {
			t.Parallel()
			if err := sandbox.System().Check(sandbox.Full); err != nil {
				t.Skip(err)
			}
			got := probeIn(t, level, &syscall.SysProcAttr{
				Cloneflags:  syscall.CLONE_NEWUSER,
				UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
				GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
			})
			if got.Missing != "" || len(got.Results) < 50 {
				t.Fatalf("%d attempts; %s", len(got.Results), got.Missing)
			}
			for _, r := range got.Results {
				if r.Allowed && !remains(r.Name, true, false) {
					t.Errorf("allowed: %s: %s: %s", r.Group, r.Name, r.Said)
				}
			}
		})
	}
}

// TestRunDirOfAnotherRoot: the machine's root has run plugins, and then root of a namespace that a
// user made, as by `unshare -r`.
func TestRunDirOfAnotherRoot(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		t.Skip("it needs root, and another user")
	}
	const user = 12345
	tmp := shortDir(t)
	must(0, os.Chmod(tmp, 0o1777))
	for _, attr := range []*syscall.SysProcAttr{{}, {
		Credential:  &syscall.Credential{Uid: 0, Gid: 0, NoSetGroups: true},
		Cloneflags:  syscall.CLONE_NEWUSER,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: user, Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: user, Size: 1}},
	}, {}} {
		cmd := exec.CommandContext(t.Context(), "/proc/self/exe", "as", "rundir")
		cmd.Env = append(os.Environ(), "XDG_RUNTIME_DIR=", "TMPDIR="+tmp)
		cmd.SysProcAttr = attr
		out, err := cmd.CombinedOutput()
		if err != nil && attr.Cloneflags != 0 && len(out) == 0 {
			t.Skip(err)
		}
		if err != nil {
			t.Errorf("%v: %s", err, out)
		}
	}
}

func TestRefusalSaysWhatForbidsIt(t *testing.T) {
	t.Parallel()
	if err := refusalError(syscall.EPERM); !strings.Contains(err.Error(), "seccomp profile") ||
		!strings.Contains(err.Error(), "--sandbox=env") {
		t.Error(err)
	}
	if err := refusalError(syscall.ENOEXEC); !strings.Contains(err.Error(), "not a program for") {
		t.Error(err)
	}
}
