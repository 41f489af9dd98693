package cli

import (
	"fmt"
	"io"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/spf13/cobra"

	"github.com/herocode/horus/domain/event"
)

// print writes an answer: as JSON when programs read it, else through people.
func (s *settings) print(cmd *cobra.Command, answer any, people func(w io.Writer)) error {
	w := cmd.OutOrStdout()
	if !s.json && people != nil {
		people(w)
		return nil
	}
	if err := json.MarshalWrite(w, answer, json.Deterministic(true), jsontext.WithIndent("  ")); err != nil {
		return fmt.Errorf("print: %w", err)
	}
	_, err := fmt.Fprintln(w)
	return err
}

// clock writes a time for people, in their own zone; a dash for none.
func clock(t event.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.Time().Local().Format("2006-01-02 15:04:05.000")
}

// took writes how long something took; a dash when it has not ended. A runner
// that reports a short job once lets both ends be recorded at the same instant.
func took(from, to event.Time) string {
	switch {
	case from.IsZero() || to.IsZero():
		return "-"
	case from == to:
		return "<1s"
	}
	return to.Sub(from).Round(100 * time.Microsecond).String()
}
