package sh

import (
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// Guard kills what scripts have started when this process dies, however it dies:
// the kernel kills a script's shell then, but not what that shell started. Its
// zero value works, and many runs may share one. It must not be copied.
//
// It is a small shell in a session of its own that reads a pipe whose other end
// only this process holds. That end closes when we die, and then the guard kills
// the groups that it knows. A script's shell names its group to the guard by
// itself, before it becomes the script's: nothing begins that the guard does not
// know of. We take the name back while its number is still ours.
type Guard struct {
	mu sync.Mutex

	cmd    *exec.Cmd // nil until it is needed
	tell   *os.File
	groups map[int]bool // that are alive
}

// guardScript reads "+ group" and "- group", and at the end of the pipe kills the
// groups that are left.
const guardScript = `while read -r what group; do
	case $what in
	+) groups="$groups $group" ;;
	-) rest=; for g in $groups; do test "$g" = "$group" || rest="$rest $g"; done; groups=$rest ;;
	esac
done
for g in $groups; do kill -KILL "-$g"; done`

// gateScript names its group, and becomes the script's shell. If we die on the
// way it is killed by the kernel, and has started nothing. A guard that somebody
// killed hears nothing, and the next one is told.
const gateScript = `trap "" PIPE; echo "+ $$" >&3 2>/dev/null; trap - PIPE; exec "$@" 3>&-`

// ownShell runs guard and gate, whatever shell runs the script: its builtins do
// all that they do.
const ownShell = "/bin/sh"

// start starts a shell behind the gate.
func (g *Guard) start(cmd *exec.Cmd) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if err := g.wake(); err != nil {
		return fmt.Errorf("start the guard: %w", err)
	}
	cmd.Args = append([]string{ownShell, "-c", gateScript, "horus-gate"}, cmd.Args...)
	cmd.Path, cmd.ExtraFiles = ownShell, []*os.File{g.tell}
	if err := cmd.Start(); err != nil {
		return err
	}
	g.groups[cmd.Process.Pid] = true
	return nil
}

// wake starts the guard unless it lives. One that somebody killed is followed by
// another, which is told all that it must know. g.mu is held.
func (g *Guard) wake() error {
	if g.lives() {
		return nil
	}
	if g.cmd != nil {
		g.bury()
	}
	hear, tell, err := os.Pipe()
	if err != nil {
		return err
	}
	defer func() { _ = hear.Close() }() // the guard has its own
	cmd := &exec.Cmd{
		Path:        ownShell,
		Args:        []string{ownShell, "-c", guardScript, "horus-guard"},
		Dir:         "/",
		Env:         []string{},
		Stdin:       hear,
		SysProcAttr: &syscall.SysProcAttr{Setsid: true}, // signals for our group or a script's are not for it
	}
	if err := cmd.Start(); err != nil {
		_ = tell.Close()
		return err
	}
	g.cmd, g.tell = cmd, tell
	if g.groups == nil {
		g.groups = map[int]bool{}
	}
	for group := range g.groups {
		g.say("+", group)
	}
	return nil
}

// lives reports whether somebody reads the pipe. g.mu is held.
func (g *Guard) lives() bool {
	if g.cmd == nil {
		return false
	}
	poll := []unix.PollFd{{Fd: int32(g.tell.Fd())}} //nolint:gosec // a descriptor
	n, err := unix.Poll(poll, 0)
	return err == nil && n == 0 // else POLLERR: nobody does
}

// release takes a group's name back. Called when the group was killed and its
// number is still ours: if we die before, the guard kills again, in vain.
func (g *Guard) release(group int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.groups, group)
	g.say("-", group)
}

// say writes a line. It fails when the guard is dead, as wake will find.
func (g *Guard) say(what string, group int) {
	_, _ = g.tell.WriteString(what + " " + strconv.Itoa(group) + "\n")
}

// Close ends the guard, when no script runs. It may be used again.
func (g *Guard) Close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.cmd != nil {
		g.bury()
	}
}

// bury closes the pipe and waits for the guard's end. g.mu is held.
func (g *Guard) bury() {
	_ = g.tell.Close()
	_ = g.cmd.Wait() // however it ended
	g.cmd, g.tell = nil, nil
}
