// The folder of a plugin's socket: keeps a plugin from filling it with files.

package pluginhost

import (
	"os"
	"time"
)

const (
	maxSocketFiles = 64 // a plugin needs one
	lookEvery      = 50 * time.Millisecond
)

// watchFolder kills the process when it makes many files in its socket's folder. It returns when
// the folder or the process is gone.
func (p *process) watchFolder(dir string) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		select {
		case <-p.ended:
			return
		case <-tick.C:
		}
		n, err := countFiles(dir)
		if err != nil {
			return // the plugin is connected and the folder no longer needed
		}
		if n > maxSocketFiles {
			p.littered.Store(true)
			p.kill()
			return
		}
	}
}

// countFiles counts the files in a folder, up to one more than the limit.
func countFiles(dir string) (int, error) {
	f, err := os.Open(dir)
	if err != nil {
		return 0, err
	}
	defer func() { _ = f.Close() }() // opened only for reading
	names, _ := f.Readdirnames(maxSocketFiles + 1)
	return len(names), nil
}
