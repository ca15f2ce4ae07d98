// Memory limit of a plugin, enforced by the host where the kernel's limit does not count.

package pluginhost

import (
	"fmt"
	"os"
	"strings"
	"time"
)

// weighEvery is the interval of checking a plugin's memory.
const weighEvery = 250 * time.Millisecond

// watchMemory kills the process when it exceeds its limit. The kernel's limit counts only writable
// memory, so a process could fill pages and then make them read-only. It returns when the process
// is gone or cannot be inspected.
func (p *process) watchMemory() {
	tick := time.NewTicker(weighEvery)
	defer tick.Stop()
	for {
		select {
		case <-p.gone:
			return
		case <-tick.C:
		}
		held, err := memoryOf(p.pid())
		if err != nil {
			select {
			case <-p.gone:
			default:
				p.out.add("host: the plugin's memory cannot be looked at: " + err.Error())
			}
			return
		}
		if held > p.memory {
			p.overgrown.Store(true)
			p.kill()
			return
		}
	}
}

// memoryOf returns the private memory of a process in bytes, including swap. It excludes pages of
// files, which the kernel can reclaim.
func memoryOf(pid int) (uint64, error) {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	var sum uint64
	for line := range strings.Lines(string(raw)) {
		name, value, _ := strings.Cut(line, ":")
		switch name {
		case "RssAnon", "RssShmem", "VmSwap":
			var kib uint64
			if _, err := fmt.Sscan(value, &kib); err != nil {
				return 0, fmt.Errorf("/proc/%d/status: %q: %w", pid, line, err)
			}
			sum += kib << 10
		}
	}
	return sum, nil
}
