package redisviews

import (
	"strconv"
	"strings"
	"testing"

	"github.com/herocode/horus/domain/seedtest"
	"github.com/herocode/horus/runnersdk/queue"
)

// FuzzReplies holds that what is read of replies is what they say.
func FuzzReplies(f *testing.F) {
	seedtest.Add(f, "1|12|7-3|9-4|8-1", "0|0|||", "12-0", "7|8|9")
	f.Fuzz(func(t *testing.T, text string) {
		if end, err := parseEnd(text); err == nil && text != "" && !strings.HasPrefix(text, strconv.FormatUint(end, 10)+"-") {
			t.Errorf("the id %q is read as the end %d", text, end)
		}
		texts := strings.Split(text, "|")
		if seqs, err := places(texts); err == nil {
			for i, seq := range seqs {
				if strconv.FormatUint(seq, 10) != texts[i] {
					t.Errorf("%q is read as the place %d", texts[i], seq)
				}
			}
		}
		s, err := parseStream(texts)
		if err != nil {
			return
		}
		for i, id := range []queue.EntryID{s.First, s.Last, s.Waiting} {
			if want := texts[i+2]; want != "" && id.String() != want || want == "" && id != (queue.EntryID{}) {
				t.Errorf("%q is read as the entry %s", want, id)
			}
		}
		if s.Group != (texts[0] == "1") {
			t.Errorf("%q is read as %+v", text, s)
		}
	})
}
