package audit_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/history"
	"github.com/herocode/horus/domain/seedtest"
	"github.com/herocode/horus/eventstore/audit"
)

// exported returns a log as a file.
func exported(t testing.TB, log []history.Raw) []byte {
	t.Helper()
	var file bytes.Buffer
	if err := audit.Export(t.Context(), namespace, 0, memory(log), &file); err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}

// verifyFile audits a file as its first line says.
func verifyFile(t testing.TB, data []byte) audit.Verdict {
	t.Helper()
	file, err := audit.Open(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	verdict, err := audit.Verify(t.Context(), file, audit.Options{Namespace: file.Namespace, Partition: file.Partition})
	if err != nil {
		t.Fatal(err)
	}
	return verdict
}

// entries reads a file to its end.
func entries(t testing.TB, file *audit.File) ([]history.Raw, error) {
	t.Helper()
	var all []history.Raw
	for {
		raws, err := file.Next(t.Context())
		all = append(all, raws...)
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return all, err
		}
	}
}

func TestAFileHoldsTheLogAsItIs(t *testing.T) {
	log := written(5, 700) // more than two pages
	data := exported(t, log)
	file, err := audit.Open(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	got, err := entries(t, file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(log, got); diff != "" {
		t.Fatal(diff)
	}
	if diff := cmp.Diff(verify(t, log, audit.Options{}), verifyFile(t, data)); diff != "" {
		t.Fatal(diff)
	}
}

// TestAFileIsReadable pins the file's format: a program of somebody else reads
// it for ever.
func TestAFileIsReadable(t *testing.T) {
	log := []history.Raw{
		{Seq: 1, Event: []byte(`{"v":1,"data":{"note":"a } \" and ü"}}`)},
		{Seq: 2, Event: []byte("{\"doc\":{\n}}"), Seal: []byte("1.2.3.abc-_")},
		{Seq: 3, Event: []byte(`{"unfinished":`)},
		{Seq: 4, Event: []byte("\xff")},
	}
	const want = `{"horus_log":1,"namespace":"horus","partition":0,"end":4}
{"seq":1,"event":{"v":1,"data":{"note":"a } \" and ü"}}}
{"seq":2,"seal":"1.2.3.abc-_","raw":"eyJkb2MiOnsKfX0="}
{"seq":3,"raw":"eyJ1bmZpbmlzaGVkIjo="}
{"seq":4,"raw":"/w=="}
`
	data := exported(t, log)
	if diff := cmp.Diff(want, string(data)); diff != "" {
		t.Fatal(diff)
	}
	file, err := audit.Open(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	got, err := entries(t, file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(log, got); diff != "" {
		t.Fatal(diff)
	}
}

func TestAFileThatIsNotWholeProvesNothing(t *testing.T) {
	log := short().Raws()
	data := exported(t, log)
	first := bytes.IndexByte(data, '\n') + 1
	for end := first; end < len(data); end += 97 {
		verdict := verifyFile(t, data[:end])
		if verdict.Finding != audit.CannotTell || !strings.Contains(verdict.Why, "the file ends") {
			t.Fatalf("%d of %d bytes: %s", end, len(data), verdict)
		}
	}
	for end := range first {
		if _, err := audit.Open(bytes.NewReader(data[:end])); err == nil {
			t.Fatalf("opened a file of %d bytes, which end within its first line", end)
		}
	}
}

func TestAFileThatIsChangedIsTamperedWith(t *testing.T) {
	data := string(exported(t, short().Raws()))
	lines := strings.SplitAfter(strings.TrimSuffix(data, "\n"), "\n")
	join := func(lines ...string) string { return strings.Join(lines, "") }
	for _, c := range []struct {
		name string
		file string
		seq  uint64
	}{
		{"a line is missing", join(lines[0], lines[1], lines[3]), 2},
		{"a line is empty", join(lines[0], lines[1], "\n", lines[2]), 2},
		{"a line is no JSON", join(lines[0], lines[1], "hello\n"), 2},
		{"a line has white space", strings.Replace(data, `{"seq":3,`, `{"seq": 3,`, 1), 3},
		{"a line has another member", strings.Replace(data, `{"seq":3,`, `{"seq":3,"note":"",`, 1), 3},
		{"a seal is empty", strings.Replace(data, `{"seq":3,`, `{"seq":3,"seal":"",`, 1), 3},
		{"a seal has an escape", strings.Replace(data, `{"seq":3,`, `{"seq":3,"seal":"\"",`, 1), 3},
		{"an event that could stand in its line does not", join(lines[0], `{"seq":1,"raw":"e30="}`+"\n"), 1},
		{"a line follows the end", data + strings.Replace(lines[len(lines)-1], fmt.Sprintf(`"seq":%d`, len(lines)-1), fmt.Sprintf(`"seq":%d`, len(lines)), 1) + "\n", uint64(len(lines))},
		{"a line is longer than any event", join(lines[0], lines[1], strings.Repeat("x", 2*event.MaxBytes)+"\n"), 2},
		{"the first line names another namespace", strings.Replace(data, `"namespace":"horus"`, `"namespace":"osiris"`, 1), 1},
		{"the first line names another partition", strings.Replace(data, `"partition":0`, `"partition":1`, 1), 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			if verdict := verifyFile(t, []byte(c.file)); verdict.Finding != audit.Tampered || verdict.Seq != c.seq {
				t.Errorf("got %s, want tampered at seq %d", verdict, c.seq)
			}
		})
	}
}

func TestOtherFilesAreNotOpened(t *testing.T) {
	for name, file := range map[string]string{
		"an empty file":      "",
		"another JSON":       "{}\n",
		"another version":    `{"horus_log":2,"namespace":"horus","partition":0,"end":1}` + "\n",
		"a bad namespace":    `{"horus_log":1,"namespace":"Horus","partition":0,"end":1}` + "\n",
		"a bad partition":    `{"horus_log":1,"namespace":"horus","partition":65536,"end":1}` + "\n",
		"something behind":   `{"horus_log":1,"namespace":"horus","partition":0,"end":1} ` + "\n",
		"a carriage return":  `{"horus_log":1,"namespace":"horus","partition":0,"end":1}` + "\r\n",
		"a leading zero":     `{"horus_log":1,"namespace":"horus","partition":00,"end":1}` + "\n",
		"a byte order mark":  "\ufeff" + `{"horus_log":1,"namespace":"horus","partition":0,"end":1}` + "\n",
		"a number too large": `{"horus_log":1,"namespace":"horus","partition":0,"end":9007199254740992}` + "\n",
	} {
		if _, err := audit.Open(strings.NewReader(file)); domain.CodeOf(err) != domain.Invalid || domain.ReasonOf(err) != "export" {
			t.Errorf("%s: got %v, want invalid, export", name, err)
		}
	}
}

// TestAFileOfAnotherPlaceAccusesNobody asks for one history and hands in the
// file of another, which may well be valid.
func TestAFileOfAnotherPlaceAccusesNobody(t *testing.T) {
	for _, o := range []audit.Options{{Namespace: "other"}, {Namespace: namespace, Partition: 1}} {
		file, err := audit.Open(bytes.NewReader(exported(t, short().Raws())))
		if err != nil {
			t.Fatal(err)
		}
		if verdict, err := audit.Verify(t.Context(), file, o); domain.ReasonOf(err) != "export" {
			t.Errorf("got %v and %s, want invalid, export", err, verdict)
		}
	}
}

func TestWhatNoFileHoldsIsNotExported(t *testing.T) {
	log := short().Raws()
	seal := func(seal string) []history.Raw {
		bad := append([]history.Raw{}, log...)
		bad[2].Seal = []byte(seal)
		return bad
	}
	long := append([]history.Raw{}, log...)
	long[2].Event = make([]byte, event.MaxBytes+1)
	for name, bad := range map[string][]history.Raw{
		"a number is missing":     append(append([]history.Raw{}, log[:2]...), log[3:]...),
		"a seal has a quote":      seal(`"`),
		"a seal has a line break": seal("a\nb"),
		"a seal is no text":       seal("\xff"),
		"a seal is too long":      seal(strings.Repeat("a", 1025)),
		"an event is too long":    long,
	} {
		err := audit.Export(t.Context(), namespace, 0, memory(bad), io.Discard)
		if seq, ok := history.IsFault(err); !ok || seq != 3 {
			t.Errorf("%s: got %v, want a fault at seq 3", name, err)
		}
	}
}

func TestAFileThatCannotBeWrittenIsAnError(t *testing.T) {
	full := errors.New("no space left")
	if err := audit.Export(t.Context(), namespace, 0, memory(written(1, 500)), broken{full}); !errors.Is(err, full) {
		t.Errorf("got %v", err)
	}
}

type broken struct{ err error }

func (b broken) Write([]byte) (int, error) { return 0, b.err }

// FuzzOpen reads anything as a file: what is read whole is written again with
// the same bytes, so a log has one file.
func FuzzOpen(f *testing.F) {
	log := short().Raws()
	data := exported(f, log[:6])
	seedtest.Add(f, data)
	f.Add(exported(f, log))
	f.Add(exported(f, []history.Raw{{Seq: 1, Event: []byte("\n")}, {Seq: 2, Event: []byte("12"), Seal: []byte("x")}}))
	f.Fuzz(func(t *testing.T, data []byte) {
		file, err := audit.Open(bytes.NewReader(data))
		if err != nil {
			return
		}
		raws, err := entries(t, file)
		if err != nil || uint64(len(raws)) != file.End() {
			return
		}
		for i, raw := range raws {
			if raw.Seq != uint64(i)+1 {
				return
			}
		}
		var again bytes.Buffer
		if err := audit.Export(t.Context(), file.Namespace, file.Partition, memory(raws), &again); err != nil {
			t.Fatalf("write again what was read: %v", err)
		}
		if !bytes.Equal(again.Bytes(), data) {
			t.Fatalf("two files for one log:\n%q\n%q", data, again.Bytes())
		}
	})
}
