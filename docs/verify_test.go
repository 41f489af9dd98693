package docs_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/herocode/horus/domain/history"
	"github.com/herocode/horus/domain/history/historytest"
	"github.com/herocode/horus/eventstore/audit"
	"github.com/herocode/horus/eventstore/audit/audittest"
)

// answer is what verify.py says about a file.
type answer struct {
	exit int
	text string
}

// many runs verify.py on each line of its input, because starting it costs more
// than most files. Each line of the answer is an exit code and what was said.
const many = `
import contextlib, io, sys, verify
for line in sys.stdin:
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        code = verify.main(line.split())
    print(code, said.getvalue().strip())
`

// python asks verify.py about files.
func python(t *testing.T, files [][]byte, options ...string) []answer {
	t.Helper()
	program, err := exec.LookPath("python3")
	if err != nil {
		t.Fatal("these tests need python3 on the PATH")
	}
	var in, out, trouble bytes.Buffer
	for i, file := range files {
		path := filepath.Join(t.TempDir(), fmt.Sprintf("history-%d.jsonl", i))
		must(t, os.WriteFile(path, file, 0o600))
		fmt.Fprintln(&in, strings.Join(append([]string{path}, options...), " "))
	}
	cmd := exec.CommandContext(t.Context(), program, "-B", "-c", many)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = &in, &out, &trouble
	if err := cmd.Run(); err != nil {
		t.Fatalf("verify.py: %v\n%s", err, trouble.Bytes())
	}
	answers := make([]answer, len(files))
	lines := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
	if len(lines) != len(files) {
		t.Fatalf("%d answers to %d files:\n%s", len(lines), len(files), out.Bytes())
	}
	for i, line := range lines {
		code, text, _ := strings.Cut(line, " ")
		answers[i].text = text
		answers[i].exit, err = strconv.Atoi(code)
		must(t, err)
	}
	return answers
}

// place is the seq that an answer names.
func (a answer) place(t *testing.T) uint64 {
	t.Helper()
	digits := regexp.MustCompile(` seq ([0-9]+)`).FindStringSubmatch(a.text)
	if digits == nil {
		t.Fatalf("no place in %q", a.text)
	}
	seq, err := strconv.ParseUint(digits[1], 10, 64)
	must(t, err)
	return seq
}

// files are logs to be judged, by what was done to them.
type files struct {
	names []string
	data  [][]byte
}

func (f *files) add(name string, data []byte) {
	f.names, f.data = append(f.names, name), append(f.data, data)
}

// agree compares verify.py with the auditor, and returns the auditor's verdicts.
func (f *files) agree(t *testing.T) []audit.Verdict {
	t.Helper()
	verdicts := make([]audit.Verdict, len(f.data))
	for i, got := range python(t, f.data) {
		v := judge(t, f.data[i])
		if got.exit != v.ExitCode() || v.Finding != audit.CannotTell && got.place(t) != v.Seq {
			t.Errorf("%s: verify.py says %q and exits with %d, but the auditor: %s", f.names[i], got.text, got.exit, v)
		}
		verdicts[i] = v
	}
	return verdicts
}

// fileOf writes a log as it is, also one that no store wrote: its numbers may be
// any. ok is false when no line can hold a seal.
func fileOf(t *testing.T, log []history.Raw) (file []byte, ok bool) {
	t.Helper()
	var out bytes.Buffer
	if err := audit.Export(t.Context(), namespace, 0, memory(historytest.Renumbered(log)), &out); err != nil {
		return nil, false
	}
	lines := bytes.SplitAfter(out.Bytes(), []byte("\n"))
	for i, raw := range log {
		_, rest, _ := bytes.Cut(lines[i+1], []byte(","))
		lines[i+1] = fmt.Appendf(nil, `{"seq":%d,%s`, raw.Seq, rest)
	}
	return bytes.Join(lines, nil), true
}

func lived(seed uint64, events int) *historytest.Partition {
	p := historytest.New(namespace)
	p.Live(rand.New(rand.NewPCG(seed, 0)).IntN, events)
	return p
}

// eventful returns short logs in which there is something to change of every
// sort that a mutation looks for.
func eventful(n int) (logs [][]history.Raw) {
	for seed := uint64(0); len(logs) < n; seed++ {
		log := lived(seed, 80).Raws()
		if words := string(bytes.Join(eventsOf(log), nil)); strings.Contains(words, `"said":"`) &&
			strings.Contains(words, `"due":"`) && strings.Contains(words, `"kind":"error"`) {
			logs = append(logs, log)
		}
	}
	return logs
}

func eventsOf(log []history.Raw) (events [][]byte) {
	for _, raw := range log {
		events = append(events, raw.Event)
	}
	return events
}

func TestTheCheckerAcceptsWhatIsTrue(t *testing.T) {
	var f files
	for seed := range uint64(4) {
		f.add(fmt.Sprint("history ", seed), exported(t, lived(seed, 150).Raws()))
	}
	data, err := os.ReadFile(logFile)
	must(t, err)
	f.add(logFile, data)
	for i, v := range f.agree(t) {
		if !v.Finding.Proved() {
			t.Errorf("%s: %s", f.names[i], v)
		}
	}
	v := judge(t, data)
	want := "valid up to seq " + fmt.Sprint(v.Seq) + ", seal " + v.Seal.String() + ", founded by " + v.Founding.String() + " (as trusted)"
	for _, g := range v.Gaps {
		want += fmt.Sprintf("; lost: %d to %d at least", g.From, g.To)
	}
	if got := python(t, [][]byte{data}, "--trust", v.Founding.String())[0]; got.exit != 3 || got.text != want {
		t.Errorf("with the right fingerprint: %+v, want %s", got, want)
	}
	if got := python(t, [][]byte{data}, "--trust", v.Seal.String())[0]; got.exit != 1 || got.place(t) != 1 {
		t.Errorf("with another fingerprint: %+v", got)
	}
}

func TestTheCheckerFindsWhatIsChanged(t *testing.T) {
	var f files
	logs := eventful(3)
	for _, m := range audittest.Mutations() {
		found := 0
		for seed := uint64(0); found < len(logs); seed++ {
			if seed > 200 {
				t.Fatalf("%s never changed anything that a file can hold", m.Name)
			}
			log := logs[found]
			file, ok := fileOf(t, m.Do(rand.New(rand.NewPCG(seed, 1)), log))
			if ok && !bytes.Equal(file, exported(t, log)) {
				found++
				f.add(m.Name, file)
			}
		}
	}
	f.agree(t)
	if len(f.data) < 50 {
		t.Errorf("only %d files", len(f.data))
	}
}

func TestTheCheckerFindsWhatCouldNotHappen(t *testing.T) {
	var f files
	var places []uint64
	for _, forgery := range audittest.Forgeries() {
		log, wrong := forgery.Forge(lived(1, 40))
		f.add(forgery.Name, exported(t, log))
		places = append(places, wrong)
	}
	for i, v := range f.agree(t) {
		if v.Finding != audit.Tampered || v.Seq != places[i] {
			t.Errorf("%s: want tampered at seq %d, not %s", f.names[i], places[i], v)
		}
	}
}

func TestTheCheckerTrustsNoStolenKey(t *testing.T) {
	log := lived(1, 40).Raws()
	var f files
	for _, name := range audittest.Thieves() {
		for _, from := range historytest.Starts(log) {
			f.add(fmt.Sprintf("%s from seq %d", name, from+1), exported(t, historytest.Reseal(log, from, historytest.Key(name))))
		}
	}
	f.agree(t)
}

func TestTheCheckerReadsFilesAsTheAuditorDoes(t *testing.T) {
	data := string(exported(t, story().Raws()))
	lines := strings.SplitAfter(strings.TrimSuffix(data, "\n"), "\n")
	end := fmt.Sprintf(`"end":%d`, len(lines)-1)
	var f files
	for name, file := range map[string]string{
		"the end is missing":        strings.Join(lines[:4], ""),
		"a line ends early":         data[:len(data)-20],
		"a line behind the end":     data + lines[5],
		"white space":               strings.Replace(data, `{"seq":3,`, `{"seq": 3,`, 1),
		"another member":            strings.Replace(data, `{"seq":3,`, `{"seq":3,"note":"",`, 1),
		"no JSON":                   lines[0] + lines[1] + "hello\n",
		"raw without need":          lines[0] + `{"seq":1,"raw":"e30="}` + "\n",
		"another namespace":         strings.Replace(data, `"namespace":"horus"`, `"namespace":"osiris"`, 1),
		"another partition":         strings.Replace(data, `"partition":0`, `"partition":1`, 1),
		"an empty log":              `{"horus_log":1,"namespace":"horus","partition":0,"end":0}` + "\n",
		"nothing is promised":       `{"horus_log":1,"namespace":"horus","partition":0,"end":0}` + "\n" + lines[1],
		"the end is promised early": strings.Replace(data, end, `"end":7`, 1),
	} {
		f.add(name, []byte(file))
	}
	f.agree(t)
	for i, got := range python(t, [][]byte{nil, []byte("{}\n"), []byte(lines[1])}) {
		if got.exit != 2 {
			t.Errorf("file %d: %+v", i, got)
		}
	}
}

// The line to paste works, and its exit code is the verdict.
func TestTheCheckerIsAProgram(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), "python3", "-B", "verify.py", logFile).CombinedOutput()
	exit, ok := errors.AsType[*exec.ExitError](err) // the example lost something and says so
	if !ok || exit.ExitCode() != 3 || !strings.HasPrefix(string(out), "valid up to seq ") {
		t.Errorf("%v: %s", err, out)
	}
	out, err = exec.CommandContext(t.Context(), "python3", "-B", "verify.py", pageFile).CombinedOutput()
	if exit, ok = errors.AsType[*exec.ExitError](err); !ok || exit.ExitCode() != 2 {
		t.Errorf("%v: %s", err, out)
	}
}
