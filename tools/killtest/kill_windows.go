package main

import (
	"os"
	"os/exec"
)

func group(*exec.Cmd) {}

// kill ends the started process. Its children, which are not found here, are left to notice it.
func kill(p *os.Process, _ bool) error { return p.Kill() }
