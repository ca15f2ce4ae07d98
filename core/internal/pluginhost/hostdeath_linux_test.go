// The host's death, and signals from the terminal.

package pluginhost

import (
	"bufio"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// otherHost starts a host of its own with a plugin, in a process group of its own.
func otherHost(t *testing.T, runs string, inherits ...*os.File) (host *exec.Cmd, plugin int, in inherited) {
	t.Helper()
	host = exec.Command(must(os.Executable()), "as", "host", runs)
	host.ExtraFiles = inherits
	host.Stdin = strings.NewReader("hunter2")
	host.Stderr = os.Stderr
	host.Env = append(os.Environ(), "SCRAPEKIT_SECRET=hunter2")
	host.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	out := must(host.StdoutPipe())
	if err := host.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = host.Process.Kill(); _ = host.Wait() })
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	pid, rest, _ := strings.Cut(line, " ")
	if err := json.Unmarshal([]byte(rest), &in); err != nil {
		t.Fatal(err)
	}
	return host, must(strconv.Atoi(pid)), in
}

func TestPluginDiesWithItsHost(t *testing.T) {
	t.Parallel()
	for name, stopped := range map[string]bool{"running": false, "stopped": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			runs := shortDir(t)
			host, plugin, _ := otherHost(t, runs)
			if stopped {
				freeze(t, plugin)
			}
			must(0, host.Process.Kill())
			died := time.Now()
			settles(t, func() string {
				if !errors.Is(syscall.Kill(plugin, 0), syscall.ESRCH) && !zombie(plugin) {
					return "the plugin lives"
				}
				return ""
			})
			if d := time.Since(died); d > time.Second {
				t.Errorf("the plugin lived on for %s", d)
			}
			if err := host.Wait(); err == nil { // then its lock is free, too
				t.Error("the host was not killed")
			}
			left := files(t, runs)
			if len(left) != 1 || !strings.HasPrefix(left[0], runPrefix) {
				t.Errorf("besides the run's directory there is %v", left)
			}
			must(0, must(New(Options{RunDirs: runs, Sandbox: bestLevel()})).Close())
			if left := files(t, runs); len(left) > 0 {
				t.Errorf("not swept: %v", left)
			}
		})
	}
}

func TestSignalsToTheGroupDoNotReachThePlugin(t *testing.T) {
	t.Parallel()
	host, plugin, _ := otherHost(t, shortDir(t)) // which ignores SIGINT itself
	must(0, syscall.Kill(-host.Process.Pid, syscall.SIGINT))
	group, err := syscall.Getpgid(plugin)
	if err != nil || group != plugin {
		t.Errorf("the plugin's group is %d, %v", group, err)
	}
	// It ignores them even when they are meant for it.
	must(0, syscall.Kill(plugin, syscall.SIGINT))
	must(0, syscall.Kill(plugin, syscall.SIGTERM))
	time.Sleep(100 * time.Millisecond)
	if err := syscall.Kill(plugin, 0); err != nil || zombie(plugin) {
		t.Errorf("the plugin is dead: %v", err)
	}
}

// TestPluginStaysInTheSession: the kernel shares the processors out among sessions. In one of its
// own a plugin took half the host's throughput on a machine that is busy.
func TestPluginStaysInTheSession(t *testing.T) {
	t.Parallel()
	_, plugin, _ := otherHost(t, shortDir(t))
	if got, mine := must(unix.Getsid(plugin)), must(unix.Getsid(0)); got != mine {
		t.Errorf("the plugin's session is %d, want the host's, %d", got, mine)
	}
}

func TestDescriptorsOfTheHostsParentStayWithIt(t *testing.T) {
	t.Parallel()
	secret, err := os.Create(t.TempDir() + "/secret")
	if err != nil {
		t.Fatal(err)
	}
	defer secret.Close()
	_, _, in := otherHost(t, shortDir(t), secret)
	checkInherited(t, in)
}

// TestPluginOutlivesTheThreadsOfItsHost: the kernel takes the thread that started a child for its
// parent, and Go ends threads now and then.
func TestPluginOutlivesTheThreadsOfItsHost(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	var plugins []*Plugin
	for range 4 {
		plugins = append(plugins, start(t, h, spec(`{}`, "source")))
	}
	for range 20 {
		var ends sync.WaitGroup
		for range 20 {
			ends.Go(runtime.LockOSThread) // a goroutine that ends locked takes its thread along
		}
		ends.Wait()
	}
	for _, p := range plugins {
		if err := read(t, p, &collected{}); err != nil {
			t.Error(err)
		}
	}
}
