package supervise

import (
	"encoding/json"
	"os"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/spf13/pflag"

	"github.com/herocode/horus/rpcapi"
	"github.com/herocode/horus/rpcapi/client/wire"
)

// limitsTable reads the table of docs/limits.md: default and flag of each name.
func limitsTable(t *testing.T) map[string][2]string {
	t.Helper()
	page, err := os.ReadFile("../../docs/limits.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string][2]string{}
	row := regexp.MustCompile("(?m)^\\| `([a-z_]+)` \\| (\\d+) \\| (?:`--([a-z-]+)`)? *\\|")
	for _, m := range row.FindAllStringSubmatch(string(page), -1) {
		rows[m[1]] = [2]string{m[2], m[3]}
	}
	return rows
}

// The page of limits says what the program does: each limit that system.info
// tells, its default, and its flag. Each flag stands in there.
func TestLimitsAreWrittenDown(t *testing.T) {
	rows := limitsTable(t)
	defaults := map[string]json.Number{}
	text, err := json.Marshal(rpcapi.Limits{}.WithDefaults().Told())
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &defaults); err != nil {
		t.Fatal(err)
	}
	if n := reflect.TypeFor[wire.Limits]().NumField(); len(rows) != n || len(defaults) != n {
		t.Errorf("%d rows, %d limits", len(rows), n)
	}
	flags := newCommand(program{}).Flags()
	named := map[string]bool{}
	for name, row := range rows {
		if defaults[name].String() != row[0] {
			t.Errorf("%s: the page says %s, the program %s", name, row[0], defaults[name])
		}
		if row[1] == "" {
			continue
		}
		named[row[1]] = true
		if f := flags.Lookup(row[1]); f == nil || f.DefValue != row[0] {
			t.Errorf("%s: there is no flag --%s with the default %s", name, row[1], row[0])
		}
	}
	flags.VisitAll(func(f *pflag.Flag) {
		if strings.HasPrefix(f.Name, "limit-") && !named[f.Name] {
			t.Errorf("--%s is not on the page", f.Name)
		}
	})
}

// A flag changes the limit that system.info tells under the name beside it.
func TestFlagsChangeLimits(t *testing.T) {
	for name, row := range limitsTable(t) {
		if row[1] == "" {
			continue
		}
		var l rpcapi.Limits
		f := pflag.NewFlagSet("", pflag.ContinueOnError)
		addLimits(f, &l)
		n, err := strconv.Atoi(row[0])
		if err != nil {
			t.Fatal(err)
		}
		if err := f.Parse([]string{"--" + row[1], strconv.Itoa(n + 1)}); err != nil {
			t.Fatal(err)
		}
		text, err := json.Marshal(l.Told())
		if err != nil {
			t.Fatal(err)
		}
		if want := `"` + name + `":` + strconv.Itoa(n+1); !strings.Contains(string(text), want) {
			t.Errorf("--%s %d: %s", row[1], n+1, text)
		}
	}
}
