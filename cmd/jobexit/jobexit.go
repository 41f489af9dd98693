// Package jobexit stands in for a job in a terminal: it prints what the job
// wrote, and ends as the job did.
package jobexit

import (
	"context"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"unicode"

	"golang.org/x/term"

	"github.com/herocode/horus/cmd/exit"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/rpcapi/client"
	"github.com/herocode/horus/rpcapi/client/wire"
)

// linesPerCall is how many lines one call asks for.
const linesPerCall = 1000

// Follow prints what a job writes until it has its outcome, and returns an error
// that asks for the job's exit code. Of a job that wrote nothing to its standard
// output it prints the result: a script's is that output, another program's need
// not be.
func Follow(ctx context.Context, c *client.Client, id string, stdout, stderr io.Writer) error {
	wrote, err := follow(ctx, c, id, stdout, stderr)
	if err != nil {
		return err
	}
	done, err := c.Get(ctx, id)
	if err == nil && !wrote && done.Result != nil {
		for line := range strings.Lines(*done.Result) {
			show(wire.Line{Stream: "stdout", Message: strings.TrimSuffix(line, "\n")}, stdout, stderr)
		}
	}
	switch {
	case err != nil:
		return err
	case done.Error != nil:
		_, _ = fmt.Fprintf(stderr, "horus: job %s failed: %s\n", id, Failure(done.Error))
	case done.State == job.Halted:
		_, _ = fmt.Fprintf(stderr, "horus: job %s was stopped\n", id)
	}
	return exit.Silently(Code(done))
}

// FollowOutput prints what a job writes, as it comes, until it has its outcome.
func FollowOutput(ctx context.Context, c *client.Client, id string, stdout, stderr io.Writer) error {
	_, err := follow(ctx, c, id, stdout, stderr)
	return err
}

// follow also reports whether the job wrote to its standard output.
func follow(ctx context.Context, c *client.Client, id string, stdout, stderr io.Writer) (wrote bool, err error) {
	for line, err := range c.Follow(ctx, id, 0) {
		if err != nil {
			return wrote, err
		}
		wrote = wrote || line.Stream == "stdout"
		show(line, stdout, stderr)
	}
	return wrote, nil
}

// show prints a line to its stream. A terminal gets no control characters: what
// a job writes is data, and shall not move the cursor or change the title.
func show(line wire.Line, stdout, stderr io.Writer) {
	out, text := stderr, line.Message
	if line.Stream == "stdout" {
		out = stdout
	}
	if file, ok := out.(*os.File); ok && term.IsTerminal(int(file.Fd())) {
		text = Visible(text)
	}
	_, _ = fmt.Fprintln(out, text)
}

// Visible returns a text with all that steers a terminal in an escaped form, but
// for tabs.
func Visible(text string) string {
	if !strings.ContainsFunc(text, steers) {
		return text
	}
	var b strings.Builder
	for _, r := range text {
		if steers(r) {
			b.WriteString(strings.Trim(strconv.QuoteRuneToASCII(r), "'"))
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}

// steers reports whether a character does something else than to show itself:
// control characters, and those that change the direction of a text.
func steers(r rune) bool {
	return r != '\t' && (unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r))
}

// CopyOutput prints what a job wrote, each stream to its own.
func CopyOutput(ctx context.Context, c *client.Client, id string, stdout, stderr io.Writer) error {
	for after := uint64(0); ; {
		logs, err := c.Logs(ctx, id, after, linesPerCall)
		if err != nil || len(logs.Lines) == 0 {
			return err
		}
		for _, line := range logs.Lines {
			show(line, stdout, stderr)
		}
		after = logs.Next
	}
}

// Code returns the exit code that says how a job ended: its own; 124 when it
// timed out; 125 when it was not run, or stopped.
func Code(j wire.Job) int {
	switch {
	case j.State == job.Halted:
		return exit.NotRun
	case j.Error == nil:
		return exit.Good
	case j.Error.Kind == job.FailedTimeout:
		return exit.TimedOut
	case j.Error.Kind == job.FailedError && j.Error.Exit > 0:
		return int(j.Error.Exit)
	case j.Error.Kind == job.FailedError:
		return exit.Bad
	}
	return exit.NotRun
}

// Failure says in words why a job failed. What its runner said of that is data,
// too: of that only the ends of lines steer a terminal.
func Failure(e *wire.JobError) string {
	text := string(e.Kind)
	if e.Exit > 0 {
		text += fmt.Sprintf(" (exit code %d)", e.Exit)
	}
	if e.Message != "" {
		text += ": " + visibleLines(e.Message)
	}
	return text
}

// visibleLines is [Visible] for a text of several lines.
func visibleLines(text string) string {
	lines := strings.Split(text, "\n")
	for i := range lines {
		lines[i] = Visible(lines[i])
	}
	return strings.Join(lines, "\n")
}
