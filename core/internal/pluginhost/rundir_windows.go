// The run directory on Windows: plugins listen on loopback with TLS, the folder holds the lock
// alone.

package pluginhost

import (
	"fmt"
	"os"
)

const maxSocketPath = 0 // no sockets there

// overTCP: plugins listen on loopback, and TLS keeps others out.
const overTCP = true

func checkSocket(path string) error { return fmt.Errorf("%s: no sockets on Windows", path) }

// ownedByUs checks that dir is a folder; the temporary folder of Windows is the user's own already.
func ownedByUs(dir string) error {
	info, err := os.Lstat(dir)
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return fmt.Errorf("%s is no folder", dir)
	}
	return nil
}
