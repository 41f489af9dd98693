package bench

import (
	"strings"
	"testing"

	"github.com/herocode/horus/cmd/exit"
)

func TestPlan(t *testing.T) {
	all, err := planned(nil, false, true)
	if err != nil || len(all) == 0 {
		t.Fatalf("%d sections, %v", len(all), err)
	}
	onTheirs, err := planned(nil, true, false)
	if err != nil || len(onTheirs) == 0 {
		t.Fatalf("%d sections on a Redis that was named, %v", len(onTheirs), err)
	}
	for _, s := range all {
		if s.long {
			t.Errorf("section %s, which takes minutes, is measured unasked", s.name)
		}
	}
	for _, s := range onTheirs {
		if s.alone {
			t.Errorf("section %s starts a Redis unasked where another was named", s.name)
		}
	}
	// They come in the order of the list, each once.
	last, first := all[1].name, all[0].name
	some, err := planned([]string{last, first, last}, false, true)
	if err != nil || len(some) != 2 || some[0].name != first || some[1].name != last {
		t.Errorf("planned %s, %v", namesOf(some), err)
	}
	if _, err := planned([]string{first, "nonsense"}, false, true); err == nil || !strings.Contains(err.Error(), `no section "nonsense"`) {
		t.Errorf("a section that is not there: %v", err)
	}
}

func TestWrongArguments(t *testing.T) {
	for name, cfg := range map[string]Config{
		"too few jobs":    {Jobs: 99},
		"too few rounds":  {Rounds: 2},
		"too many rounds": {Rounds: 101},
		"no such section": {Sections: []string{"nonsense"}},
	} {
		if _, err := Run(t.Context(), cfg); exit.CodeOf(err) != exit.Usage {
			t.Errorf("%s: %v, exit code %d", name, err, exit.CodeOf(err))
		}
	}
}

func TestNoRedis(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	if _, err := Run(t.Context(), Config{}); exit.CodeOf(err) != exit.Unreachable || !strings.Contains(err.Error(), "--redis-url") {
		t.Errorf("without a redis-server: %v, exit code %d", err, exit.CodeOf(err))
	}
	if _, err := Run(t.Context(), Config{RedisURL: "redis://127.0.0.1:1"}); exit.CodeOf(err) != exit.Unreachable {
		t.Errorf("with a Redis that does not answer: %v, exit code %d", err, exit.CodeOf(err))
	}
}
