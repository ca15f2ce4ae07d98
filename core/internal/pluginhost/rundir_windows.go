// The run directory on Windows, which holds only the lock: plugins listen on loopback with TLS.

package pluginhost

import (
	"fmt"
	"os"
)

const maxSocketPath = 0 // no unix sockets

// overTCP is true: plugins listen on loopback, protected by TLS.
const overTCP = true

func checkSocket(path string) error { return fmt.Errorf("%s: no sockets on Windows", path) }

// ownedByUs checks that dir is a folder. The temporary folder of Windows belongs to the user.
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
