// Launch executes another program in its place, traced from its first instruction. It is for
// programs that do not call [crashtest.Watch] themselves:
//
//	launch PROGRAM [ARGUMENT ...]
package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"

	"github.com/scrapekit/scrapekit/sdk/sdktest/crashtest"
)

func main() {
	fmt.Fprintln(os.Stderr, "launch:", become(os.Args[1:]))
	os.Exit(2)
}

// become returns only if it fails.
func become(args []string) error {
	if len(args) == 0 {
		return errors.New("no program is named")
	}
	path, err := exec.LookPath(args[0])
	if err != nil {
		return err
	}
	if err := errors.Join(crashtest.Supported(), crashtest.Watch()); err != nil {
		return err
	}
	return syscall.Exec(path, args, os.Environ())
}
