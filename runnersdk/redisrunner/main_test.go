package redisrunner

import (
	"strings"
	"testing"
)

// What is read from the environment is in the usage.
func TestUsageNamesEveryVariable(t *testing.T) {
	var asked []string
	_, err := Config{}.withEnvironment(func(name string) string {
		asked = append(asked, name)
		return ""
	})
	if err == nil || len(asked) == 0 {
		t.Fatalf("a runner without an id: %v, %d variables", err, len(asked))
	}
	for _, name := range asked {
		if !strings.Contains(usage, "\n  "+name+" ") {
			t.Errorf("the usage lacks %s", name)
		}
	}
}
