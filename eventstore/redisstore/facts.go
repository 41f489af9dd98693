package redisstore

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/herocode/horus/eventstore"
)

// oldestMajor is the version that Horus is made for: from 7.0 on XAUTOCLAIM
// drops deleted entries, a script that ran out of memory has written nothing, and
// one that takes none runs all the same.
const oldestMajor = 7

// facts are what a server says of itself.
type facts struct {
	address string
	info    map[string]string // what it does not tell is missing; nil when it tells nothing
	config  map[string]string // nil when it does not show it
	wait    error             // what it has against WAIT
}

// judge says in plain words what the facts mean for the history.
func (f *facts) judge(asked eventstore.Durability) Settings {
	var s Settings
	warn := func(format string, args ...any) {
		s.Warnings = append(s.Warnings, "Redis at "+f.address+" "+fmt.Sprintf(format, args...))
	}
	s.Level = f.level(warn)
	f.refusing(warn)
	f.limits(warn)
	replicas := asked.Replicas()
	switch evicts := f.evicts(); {
	case evicts && f.maxMemory() > 0:
		s.Level = eventstore.Memory
		s.Refusal = refusal("redis_evicts", "Redis at %s throws jobs away when its memory is full (maxmemory-policy %s): set maxmemory-policy noeviction",
			f.address, f.info["maxmemory_policy"])
	case f.info["role"] == "slave":
		s.Refusal = refusal("redis_replica", "Redis at %s is a replica of %s:%s and takes no writes: name that one with --redis-url",
			f.address, f.info["master_host"], f.info["master_port"])
	case replicas > 0 && f.wait != nil:
		s.Refusal = refusal("redis_wait", "Redis at %s does not answer WAIT, without which nobody knows what replicas have (%v): allow it, or do not ask for %s",
			f.address, f.wait, asked)
	case replicas == 0 && s.Level.Less(asked):
		s.Refusal = refusal("redis_durability", "Redis at %s gives %s and %s was asked for: set %s, or ask for less",
			f.address, s.Level, asked, fsyncFor(asked))
	case evicts:
		warn("would throw jobs away as soon as it had a maxmemory (maxmemory-policy %s): set maxmemory-policy noeviction", f.info["maxmemory_policy"])
	}
	if n := f.followers(); n < replicas {
		warn("has %d replicas that follow it, and %s needs %d: until they are there, whoever submits is told that the job is not durable", n, asked, replicas)
	}
	if replicas > 0 {
		s.Level = asked
	}
	return s
}

// fsyncFor names the setting that gives a level.
func fsyncFor(level eventstore.Durability) string {
	if level == eventstore.Fsync {
		return "appendonly yes and appendfsync always"
	}
	return "appendonly yes and appendfsync everysec"
}

// level is what the server keeps by itself. It warns where that is not what a
// reader of the configuration would think.
func (f *facts) level(warn func(string, ...any)) eventstore.Durability {
	switch {
	case f.info == nil:
		warn("does not show how it is (INFO): nothing could be checked, and the least is assumed")
		return eventstore.Memory
	case f.info["aof_enabled"] != "1" && f.config["save"] != "":
		warn("keeps snapshots alone (save), and loses what came after the last one: set appendonly yes")
		return eventstore.Memory
	case f.info["aof_enabled"] != "1":
		warn("keeps nothing when it stops: set appendonly yes")
		return eventstore.Memory
	case f.config == nil:
		warn("does not show its settings (CONFIG GET): appendfsync everysec is assumed; nobody looked at %s",
			strings.Join(looked()[1:], ", "))
		return eventstore.EverySecond
	}
	level := eventstore.Memory
	switch f.config["appendfsync"] {
	case "always":
		level = eventstore.Fsync
	case "everysec":
		level = eventstore.EverySecond
	default:
		warn("leaves it to the machine when to write to disk: set appendfsync everysec or always")
	}
	if f.config["no-appendfsync-on-rewrite"] == "yes" {
		warn("does not sync while it rewrites its file, which may cost half a minute: set no-appendfsync-on-rewrite no")
		if level == eventstore.Fsync {
			level = eventstore.EverySecond
		}
	}
	return level
}

// refusing warns of what makes the server refuse all writes.
func (f *facts) refusing(warn func(string, ...any)) {
	if status := f.info["aof_last_write_status"]; status != "" && status != "ok" {
		warn("could not write its append-only file and takes no writes: look at its disk")
	}
	if f.config["save"] != "" && f.config["stop-writes-on-bgsave-error"] == "yes" && f.info["rdb_last_bgsave_status"] == "err" {
		warn("could not write its last snapshot and takes no writes: look at its disk, or set stop-writes-on-bgsave-error no")
	}
	if least, _ := strconv.Atoi(f.config["min-replicas-to-write"]); f.followers() < least {
		warn("takes no writes while fewer than %d replicas follow it (min-replicas-to-write), and %d do: start them, or set min-replicas-to-write 0",
			least, f.followers())
	}
}

// limits warns of what is too old or too open.
func (f *facts) limits(warn func(string, ...any)) {
	version := f.info["redis_version"]
	major, _, _ := strings.Cut(version, ".")
	if n, err := strconv.Atoi(major); err == nil && n < oldestMajor {
		warn("is version %s: Horus is made for %d.0 and later", version, oldestMajor)
	}
	if limit, known := f.info["maxmemory"]; known && limit == "0" {
		warn("has no maxmemory: Horus cannot stop taking jobs before the memory of the machine is full; set maxmemory")
	}
}

// evicts reports whether the server may throw keys away.
func (f *facts) evicts() bool {
	policy := f.info["maxmemory_policy"]
	return policy != "" && policy != "noeviction"
}

func (f *facts) maxMemory() uint64 {
	limit, _ := strconv.ParseUint(f.info["maxmemory"], 10, 64)
	return limit
}

// followers counts the replicas that have caught up with the server and follow
// it.
func (f *facts) followers() int {
	n := 0
	for i := 0; ; i++ {
		replica, ok := f.info["slave"+strconv.Itoa(i)]
		if !ok {
			return n
		}
		if strings.Contains(replica, "state=online") {
			n++
		}
	}
}
