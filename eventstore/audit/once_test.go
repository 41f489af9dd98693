package audit

import (
	"fmt"
	"os"
	"testing"

	"pgregory.net/rapid"
)

// TestRepetitionsAreFound compares with a map, whether everything fits in
// memory or is put aside a few at a time.
func TestRepetitionsAreFound(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o := newOnce()
		o.limit = rapid.SampledFrom([]int{1, 2, 7, 1000}).Draw(t, "limit")
		defer o.close()
		names := rapid.SliceOfN(rapid.IntRange(0, 200), 0, 60).Draw(t, "names")
		seen, want := map[int]bool{}, uint64(0)
		for i, name := range names {
			seq := uint64(i) + 1
			if err := o.begin(fmt.Sprintf("job/%d", name), seq); err != nil {
				t.Fatal(err)
			}
			if seen[name] && want == 0 {
				want = seq
			}
			seen[name] = true
		}
		if got, err := o.again(); err != nil || got != want {
			t.Fatalf("found at %d, %v; want %d", got, err, want)
		}
	})
}

func TestWhatIsPutAsideLeavesNothingBehind(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	o := newOnce()
	o.limit = 2
	for i := range 5 {
		if err := o.begin(fmt.Sprint(i), uint64(i)+1); err != nil {
			t.Fatal(err)
		}
	}
	if o.file == nil || len(o.ends) != 2 {
		t.Errorf("put aside %v, want two runs", o.ends)
	}
	if found, err := os.ReadDir(os.TempDir()); err != nil || len(found) > 0 {
		t.Errorf("%v in the directory, %v", found, err)
	}
	o.close()
}

func TestADirectoryThatTakesNothingIsSaid(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir()+"/nowhere")
	o := newOnce()
	o.limit = 1
	if err := o.begin("job/1", 1); err == nil {
		t.Error("nothing could be put aside, and nobody said so")
	}
}
