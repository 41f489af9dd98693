//go:build !linux

package redistest

import "syscall"

// endWithParent asks for nothing: only Linux ties a child to its parent.
func endWithParent() *syscall.SysProcAttr { return nil }
