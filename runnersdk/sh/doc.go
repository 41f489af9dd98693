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
// HORUS_JOB_ID and HORUS_ATTEMPT. A script that is too long for one argument
// (128 KiB on Linux) is run from a file; only $0 tells the difference.
//
// # What becomes of its output
//
// Lines go to Command.Output while the script runs, fit to be shown anywhere:
// invalid UTF-8 becomes U+FFFD, and a control character (tab excepted), a
// Unicode line separator or a bidirectional control is spelled out, ESC as
// \x1b, so no line can move a cursor or forge another line. "\r\n" ends a line
// like "\n". A line longer than MaxLine comes in pieces, each but the last
// ending in "…"; a last line without newline comes at the end.
//
// Of a stream longer than MaxOutput the first half is delivered as it comes,
// the last half at the end after a line that says how many bytes were cut.
// Neither a flood nor a slow Output ever makes the script wait.
//
// [Outcome] also holds standard output as data (Result), for programs to parse:
// nothing is escaped there, only invalid UTF-8 and NUL become U+FFFD.
//
// # What it is not
//
// This is no sandbox. A process that starts a session of its own (setsid)
// leaves the group and outlives the run; it loses its output, no more. When
// this process is killed the kernel kills the shell, but not the shell's
// children. Whoever runs strangers' scripts puts the runner in a container or a
// cgroup that ends with it. The package needs Linux 5.11 or later.
package sh
