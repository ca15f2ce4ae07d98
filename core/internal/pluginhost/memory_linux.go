// The memory of a plugin: what the kernel's limit does not count, the host looks at.

package pluginhost

import (
	"fmt"
	"os"
	"strings"
	"time"
)

// weighEvery is how often a plugin's memory is looked at.
const weighEvery = 250 * time.Millisecond

// watchMemory ends the process when it holds more memory than its limit. The kernel's limit counts
// what can be written, at one time: pages that were filled and then made to be read only are free
// of it. It returns once the process is gone, or cannot be looked at.
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

// memoryOf returns the bytes of memory, in use or swapped out, that a process alone holds. Pages of
// files are none: the kernel takes them back.
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
