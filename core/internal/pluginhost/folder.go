// The folder of a plugin's socket: what a plugin makes there takes up none of its own room.

package pluginhost

import (
	"os"
	"time"
)

const (
	maxSocketFiles = 64 // where a plugin needs one
	lookEvery      = 50 * time.Millisecond
)

// watchFolder ends the process when it makes many files in the folder of its socket. It returns
// once the folder is gone, or the process.
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
			return // the connection stands, and nobody needs the folder any more
		}
		if n > maxSocketFiles {
			p.littered.Store(true)
			p.kill()
			return
		}
	}
}

// countFiles reads no more names than it takes to know that there are too many.
func countFiles(dir string) (int, error) {
	f, err := os.Open(dir)
	if err != nil {
		return 0, err
	}
	defer func() { _ = f.Close() }() // only read from
	names, _ := f.Readdirnames(maxSocketFiles + 1)
	return len(names), nil
}
