package redisstore

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/seedtest"
	"github.com/herocode/horus/eventstore"
)

// good are the facts of a server as the documentation wants it, with changes.
func good(changes map[string]string) *facts {
	f := &facts{
		address: "r:1",
		info: map[string]string{
			"redis_version": "7.0.15", "role": "master", "maxmemory": "1000", "maxmemory_policy": "noeviction",
			"aof_enabled": "1", "aof_last_write_status": "ok", "rdb_last_bgsave_status": "ok",
			"slave0": "ip=a,port=1,state=online,offset=1,lag=0", "slave1": "ip=b,port=1,state=wait_bgsave,offset=0,lag=0",
		},
		config: map[string]string{
			"appendfsync": "everysec", "no-appendfsync-on-rewrite": "no", "save": "", "stop-writes-on-bgsave-error": "yes",
			"min-replicas-to-write": "0",
		},
	}
	for name, value := range changes {
		into := f.info
		if _, ok := f.config[name]; ok {
			into = f.config
		}
		into[name] = value
	}
	return f
}

func TestFacts(t *testing.T) {
	tests := []struct {
		name    string
		changes map[string]string
		asked   eventstore.Durability
		level   eventstore.Durability
		refusal string
		want    []string // how warnings begin
	}{
		{name: "all is well", level: eventstore.EverySecond},
		{
			name: "snapshots alone", changes: map[string]string{"aof_enabled": "0", "save": "3600 1"},
			level: eventstore.Memory, want: []string{"keeps snapshots alone"},
		},
		{
			name: "no syncs during rewrites", changes: map[string]string{"appendfsync": "always", "no-appendfsync-on-rewrite": "yes"},
			level: eventstore.EverySecond, want: []string{"does not sync while it rewrites"},
		},
		{
			name: "an old version", changes: map[string]string{"redis_version": "6.2.14"},
			level: eventstore.EverySecond, want: []string{"is version 6.2.14"},
		},
		{
			name: "eviction and a limit", changes: map[string]string{"maxmemory_policy": "allkeys-lru"},
			level: eventstore.Memory, refusal: "redis_evicts",
		},
		{
			name: "eviction without a limit", changes: map[string]string{"maxmemory_policy": "allkeys-lru", "maxmemory": "0"},
			level: eventstore.EverySecond, want: []string{"has no maxmemory", "would throw jobs away"},
		},
		{
			name: "a replica", changes: map[string]string{"role": "slave", "master_host": "p", "master_port": "2"},
			level: eventstore.EverySecond, refusal: "redis_replica",
		},
		{
			name: "a disk that is full", changes: map[string]string{"aof_last_write_status": "err", "rdb_last_bgsave_status": "err", "save": "60 1"},
			level: eventstore.EverySecond, want: []string{"could not write its append-only file", "could not write its last snapshot"},
		},
		{
			name: "a snapshot that failed and was never wanted", changes: map[string]string{"rdb_last_bgsave_status": "err"},
			level: eventstore.EverySecond,
		},
		{
			name: "writes want more replicas", changes: map[string]string{"min-replicas-to-write": "2"},
			level: eventstore.EverySecond, want: []string{"takes no writes while fewer than 2 replicas follow it (min-replicas-to-write), and 1 do"},
		},
		{name: "the replica that was asked for", asked: eventstore.Replicated(1), level: eventstore.Replicated(1)},
		{
			name: "one that is not there yet", asked: eventstore.Replicated(2), level: eventstore.Replicated(2),
			want: []string{"has 1 replicas that follow it, and replicated:2 needs 2"},
		},
		{name: "less than was asked for", asked: eventstore.Fsync, level: eventstore.EverySecond, refusal: "redis_durability"},
		{name: "more than was asked for", asked: eventstore.EverySecond, changes: map[string]string{"appendfsync": "always"}, level: eventstore.Fsync},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := good(test.changes).judge(test.asked)
			if got.Level != test.level || domain.ReasonOf(got.Refusal) != test.refusal || len(got.Warnings) != len(test.want) {
				t.Fatalf("got %+v, want %s, %q, %q", got, test.level, test.refusal, test.want)
			}
			for i, warning := range got.Warnings {
				if !strings.HasPrefix(warning, "Redis at r:1 "+test.want[i]) {
					t.Errorf("got %q, want %q", warning, test.want[i])
				}
			}
		})
	}
}

func TestWhatIsHiddenIsTakenAtTheLeast(t *testing.T) {
	hidden := good(map[string]string{"appendfsync": "always"})
	hidden.config = nil
	got := hidden.judge("")
	want := []string{"Redis at r:1 does not show its settings (CONFIG GET): appendfsync everysec is assumed; " +
		"nobody looked at no-appendfsync-on-rewrite, save, stop-writes-on-bgsave-error, min-replicas-to-write"}
	if diff := cmp.Diff(want, got.Warnings); diff != "" || got.Level != eventstore.EverySecond || got.Refusal != nil {
		t.Errorf("got %s, %v (-want +got):\n%s", got.Level, got.Refusal, diff)
	}
	deaf := good(nil)
	deaf.wait = errors.New("NOPERM")
	if got := deaf.judge(eventstore.Replicated(1)); domain.ReasonOf(got.Refusal) != "redis_wait" {
		t.Errorf("without WAIT: %v", got.Refusal)
	}
}

// FuzzInfo holds that whatever a server says of itself is read as some level,
// that a level is never better than its words, and that no number is made up.
func FuzzInfo(f *testing.F) {
	var lines strings.Builder
	info := good(nil).info
	for _, name := range slices.Sorted(maps.Keys(info)) {
		lines.WriteString(name + ":" + info[name] + "\r\n")
	}
	seedtest.Add(f, lines.String()+"used_memory:500\r\nmem_not_counted_for_evict:40\r\nrun_id:0123\r\n")
	f.Fuzz(func(t *testing.T, text string) {
		said := facts{address: "r:1", info: parseInfo(text), config: maps.Clone(good(nil).config)}
		got := said.judge("")
		if got.Level != eventstore.Memory && said.info["aof_enabled"] != "1" || got.Level == eventstore.Fsync {
			t.Errorf("%q is %s", text, got.Level)
		}
		if v := parseVitals(text); v.Used > 0 && said.info["used_memory"] == "" || v.Max > 0 && said.info["maxmemory"] == "" {
			t.Errorf("%q has %+v", text, v)
		}
	})
}
