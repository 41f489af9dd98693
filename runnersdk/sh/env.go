package sh

import (
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/herocode/horus/domain"
)

// maxArgument is what Linux takes as one argument of a program, in bytes
// without the final NUL (MAX_ARG_STRLEN in execve(2), with pages of 4 KiB).
const maxArgument = 128<<10 - 1

func (c Command) check() error {
	switch {
	case c.Timeout <= 0:
		return domain.Errorf(domain.Invalid, "timeout", "timeout must be more than 0")
	case strings.ContainsRune(c.Script, 0):
		return domain.Errorf(domain.Invalid, "payload", "script contains NUL")
	case strings.ContainsRune(c.JobID, 0):
		return domain.Errorf(domain.Invalid, "id", "job id contains NUL")
	}
	for _, name := range slices.Sorted(maps.Keys(c.Env)) {
		if why := refusal(name); why != "" {
			return domain.Errorf(domain.Invalid, "env", "variable %.64q: %s", name, why)
		}
		if strings.ContainsRune(c.Env[name], 0) {
			return domain.Errorf(domain.Invalid, "env", "variable %.64q: its value contains NUL", name)
		}
	}
	return nil
}

// refusal says why a job may not set a variable, or nothing. PATH and LD_*
// would choose the programs that run, HORUS_* would lie about the job.
func refusal(name string) string {
	switch {
	case name == "":
		return "the name is empty"
	case strings.ContainsAny(name, "=\x00"):
		return `the name contains "=" or NUL`
	case name == "PATH", strings.HasPrefix(name, "LD_"), strings.HasPrefix(name, "HORUS_"):
		return "the name is reserved"
	}
	return ""
}

// checkPassEnv refuses to pass HORUS_*: that is our own configuration, with
// addresses and passwords that no job may read.
func checkPassEnv(names []string) error {
	for _, name := range names {
		if strings.HasPrefix(name, "HORUS_") {
			return domain.Errorf(domain.Invalid, "config", "PassEnv: %s is not for scripts", name)
		}
	}
	return nil
}

// environ builds the script's environment. Later entries win: the job's own
// variables over those passed, HORUS_… over nothing.
func environ(pass []string, p place, c Command) []string {
	var env []string
	for _, name := range pass {
		if value, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+value)
		}
	}
	env = append(env, "TMPDIR="+p.work)
	for _, name := range slices.Sorted(maps.Keys(c.Env)) {
		env = append(env, name+"="+c.Env[name])
	}
	return append(env, "HORUS_JOB_ID="+c.JobID, "HORUS_ATTEMPT="+strconv.Itoa(c.Attempt),
		"HORUS_CHECKPOINT="+checkpointPath(p.root), "HORUS_PROGRESS="+progressPath(p.root))
}
