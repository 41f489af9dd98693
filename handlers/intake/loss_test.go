package intake_test

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"github.com/herocode/horus/domain/runner"
	"github.com/herocode/horus/domain/signing"
)

// A log that lost its end in the term that goes on is found by whoever appends
// next. A runner that joins in between and has seen the end asked people for help,
// who can do nothing about it; a seal that nobody can have made still does.
func TestALossOfThisTermAsksNobodyForHelp(t *testing.T) {
	for _, tt := range []struct {
		name string
		term uint64
		key  byte
		says string
	}{
		{"of this term", 1, 1, "level=WARN"},
		{"of somebody who never led", 0, 9, "level=ERROR"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := open(t)
			if tt.term == 0 {
				d.succeed() // so that the term is an earlier one
			}
			var logs bytes.Buffer
			d.logger = slog.New(slog.NewTextHandler(&logs, nil))
			d.restart(signing.NewVerifier(16))
			seen := signing.Seal{Namespace: namespace, Term: 1, First: d.length() + 1, Count: 1}.Sign(key(tt.key))
			p := d.process("r1", "a1", key(5))
			p.send(runner.Join{Key: key(5).Public(), Slots: 4, Seen: &seen})
			d.must(d.turn())
			d.wantNews("runner.reported", "runner.joined report/r1/a1/1/0")
			if !strings.Contains(logs.String(), tt.says) {
				t.Errorf("the log says %q, want %s", logs.String(), tt.says)
			}
		})
	}
}
