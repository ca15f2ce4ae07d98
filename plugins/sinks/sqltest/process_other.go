//go:build !unix

package sqltest

import "syscall"

func attributes(*account) *syscall.SysProcAttr { return nil }
