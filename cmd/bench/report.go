package bench

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/go-json-experiment/json"
)

// Report is what a run found. It is written as JSON for programs and for
// [Compare].
type Report struct {
	At       time.Time `json:"at"`
	Version  string    `json:"version,omitempty"` // of Horus, as its build says
	Machine  Machine   `json:"machine"`
	Redis    Redis     `json:"redis"`
	Jobs     int       `json:"jobs"`
	Rounds   int       `json:"rounds"`
	Sections []Section `json:"sections"`
	// Changes are what differs from an older report; nil if there is none.
	Changes []Change `json:"changes,omitempty"`
}

// Section is a table of the report.
type Section struct {
	Name  string   `json:"name"`
	About string   `json:"about"`
	Rows  []Row    `json:"rows"`
	Notes []string `json:"notes,omitempty"`
	// Trouble is why it could not be measured; empty if it was.
	Trouble string `json:"trouble,omitempty"`
}

// Row is what was found about one way to do something: figures by their keys,
// which end in their units.
type Row struct {
	Name      string            `json:"name"`
	Yardstick bool              `json:"yardstick,omitempty"` // it is what others are compared with
	Figures   map[string]Spread `json:"figures"`
}

// Read reads a report that was written as JSON.
func Read(r io.Reader) (*Report, error) {
	var report Report
	if err := json.UnmarshalRead(r, &report); err != nil {
		return nil, fmt.Errorf("read a report: %w", err)
	}
	if len(report.Sections) == 0 {
		return nil, errors.New("read a report: it has no sections, so it is none of horus bench --json")
	}
	return &report, nil
}
