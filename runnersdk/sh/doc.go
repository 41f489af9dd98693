// Package sh runs the payload of a job as a shell script: /bin/sh -c, in a
// process group and a private directory of its own.
//
// The one idea is that a run is over when its shell is over. [Runner.Run] then
// kills what the script left in the background, reads the output that is still
// under way, removes the directory, and only then returns. Whatever a script
// does (print for ever, ignore TERM, hold its output open from a background
// process), Run returns at the latest Grace and a few seconds after the timeout
// or the end of its context, in bounded memory; only an Output that does not
// return can keep it.
//
//	out, err := sh.Runner{}.Run(ctx, sh.Command{
//		Script:  job.Payload,
//		Timeout: 5 * time.Minute,
//		Output:  func(s sh.Stream, line string) { log.Print(s, ": ", line) },
//	})
//
// # What the script gets
//
// Standard input is /dev/null and there is no controlling terminal, so nothing
// waits for a person. No other descriptor of this process is open in it: to be
// sure of that, Run marks all descriptors of the process above 2 close-on-exec.
// The environment is empty but for the names in PassEnv, the job's own
// variables, TMPDIR (the private directory, which is also the current one),
// HORUS_JOB_ID, HORUS_ATTEMPT, and the two files below. A script that is too
// long for one argument (128 KiB on Linux) is run from a file; only $0 tells the
// difference.
//
// # What becomes of its output
//
// Lines go to Command.Output while the script runs, as text: valid UTF-8 without
// NUL, in the place of which, and of each invalid byte, stands U+FFFD. All else
// is as it was written, escape sequences too: whoever shows a line in a terminal
// spells them out. "\r\n" ends a line like "\n". A line longer than MaxLine comes
// in pieces, each but the last ending in "…"; a last line without newline comes
// at the end.
//
// Of a stream longer than MaxOutput the first half is delivered as it comes,
// the last half at the end after a line that says how many bytes were cut.
// Neither a flood nor a slow Output ever makes the script wait.
//
// [Outcome] also holds standard output as one text (Result), for programs to
// parse.
//
// # What it can say while it runs
//
// HORUS_PROGRESS names a file whose last line says how far the script is: a
// percentage, and words if it likes.
//
//	echo "42 words of the report" >"$HORUS_PROGRESS"
//
// HORUS_CHECKPOINT names a file for whatever the script needs to go on from
// where it is, at most 64 KiB. When the script begins it holds what an earlier
// attempt left there; without one it is not there.
//
//	page=$(cat "$HORUS_CHECKPOINT" 2>/dev/null || echo 1)
//	…
//	echo "$page" >"$HORUS_CHECKPOINT.new" && mv "$HORUS_CHECKPOINT.new" "$HORUS_CHECKPOINT"
//
// Both are looked at every 500 ms, and once more when the script and all that it
// started are dead. A checkpoint that changed (another file, another size, a
// later time) is read whole when two looks in a row found it the same, so a file
// that is written in place is not read half written; only the last look does not
// wait, so a script that may be killed replaces the file, as above. A file that
// was removed, or is a link, a pipe or a directory, changes nothing.
//
// # When this process dies
//
// The kernel kills the script's shell, and a [Guard], a shell of a few lines that
// runs beside this process, kills the rest of its group: nothing goes on that a
// later attempt would meet. The private directory is left behind; it is locked
// while its owner lives, and [Runner.Clean] removes those that are not.
//
// # What it is not
//
// This is no sandbox. A process that starts a session of its own (setsid)
// leaves the group and outlives the run; it loses its output, no more. Whoever
// runs strangers' scripts puts the runner in a container or a cgroup that ends
// with it. The package needs Linux 5.11 or later.
package sh
