package docs_test

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// What the page of those who come from Hero Supervisor shows is played: its
// configuration, and every call.
func TestWhatIsMigratedIsPlayed(t *testing.T) {
	page, err := os.ReadFile("migrating.md")
	if err != nil {
		t.Fatal(err)
	}
	story, err := os.ReadFile("../integration/testdata/script/migrating.txtar")
	if err != nil {
		t.Fatal(err)
	}
	calls := regexp.MustCompile(`(?m)^\$ (call '\{.*'\n)`).FindAllSubmatch(page, -1)
	if len(calls) < 30 {
		t.Errorf("the page shows %d calls", len(calls))
	}
	for _, c := range calls {
		if !strings.Contains(string(story), "\n"+string(c[1])) {
			t.Errorf("no story plays %s", c[1])
		}
	}
	_, rest, _ := strings.Cut(string(page), "```toml\n")
	file, _, _ := strings.Cut(rest, "```")
	if file == "" || !strings.Contains(string(story), "-- config.toml --\n"+file) {
		t.Error("no story plays the configuration")
	}
}
