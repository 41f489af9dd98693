package docs_test

import (
	"crypto/sha256"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/herocode/horus/domain/signing"
	"github.com/herocode/horus/handlers/events"
	"github.com/herocode/horus/handlers/outbox"
	"github.com/herocode/horus/handlers/redisreactions"
	"github.com/herocode/horus/projections/proofs"
)

const eventsFile = "events.md"

// namedBlock is a fenced block that has a name behind its language.
var namedBlock = regexp.MustCompile("(?ms)^```[a-z]+ ([a-z]+)\n(.*?)^```$")

// The page about events shows the program that is there, and a document as the
// code writes it.
func TestThePageAboutEventsShowsWhatThereIs(t *testing.T) {
	program, err := os.ReadFile("listen/main.go")
	if err != nil {
		t.Fatal(err)
	}
	_, body, _ := strings.Cut(string(program), "package main\n")
	c, e := entry(t, story(), "job.completed")
	proof := proofs.Of(c, e.Seq)
	want := map[string]string{
		"listen":  "package main\n" + body,
		"payload": string(events.Append(nil, &proof)) + "\n",
	}
	data, err := os.ReadFile(eventsFile)
	if err != nil {
		t.Fatal(err)
	}
	page := string(data)
	if *update {
		page = namedBlock.ReplaceAllStringFunc(page, func(block string) string {
			head, _, _ := strings.Cut(block, "\n")
			return head + "\n" + want[namedBlock.FindStringSubmatch(block)[1]] + "```"
		})
		if err := os.WriteFile(eventsFile, []byte(page), 0o644); err != nil { //nolint:gosec // a page for all
			t.Fatal(err)
		}
	}
	shown := namedBlock.FindAllStringSubmatch(page, -1)
	if len(shown) != len(want) {
		t.Errorf("the page shows %d blocks, want %d", len(shown), len(want))
	}
	for _, block := range shown {
		if diff := cmp.Diff(want[block[1]], block[2]); diff != "" {
			t.Errorf("the page shows another %s (-code +page):\n%s", block[1], diff)
		}
	}
}

// What the page names is there.
func TestThePageAboutEventsNamesWhatThereIs(t *testing.T) {
	data, err := os.ReadFile(eventsFile)
	if err != nil {
		t.Fatal(err)
	}
	page := string(data)
	if topic := (redisreactions.Keys{Namespace: "horus"}).Topic("jobs"); !strings.Contains(page, "`"+topic+"`") {
		t.Errorf("the page does not name the stream %s", topic)
	}
	for _, name := range []string{
		events.Type, events.Aggregate, events.Seq, events.Namespace, events.Partition, events.At, events.Trace, "correlation_id",
		"_watermill_message_uuid", "metadata", "payload", "horus_reaction_lag_events", "horus_reactions_total", "horus_poison_messages",
	} {
		if !strings.Contains(page, name) {
			t.Errorf("the page does not name %s", name)
		}
	}
	for _, topic := range regexp.MustCompile(`--topic '([^']+)'`).FindAllStringSubmatch(page, -1) {
		if _, err := outbox.ParseTopic(topic[1]); err != nil {
			t.Errorf("the page shows a topic that cannot be filled: %v", err)
		}
	}
}

// Whoever writes in another language makes the same ids of what the page says.
func TestIDsAreMadeAsThePageSays(t *testing.T) {
	data, err := os.ReadFile(eventsFile)
	if err != nil {
		t.Fatal(err)
	}
	space := uuid.MustParse(regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}`).FindString(string(data)))
	leaf := signing.LeafHash([]byte("an event"))
	sum := sha256.Sum256(append(space[:], "horus\np000\n17\n"+leaf.String()...))
	var want uuid.UUID
	copy(want[:], sum[:])
	want[6], want[8] = want[6]&0x0f|0x80, want[8]&0x3f|0x80
	if got := events.ID("horus", 0, 17, leaf); got != want.String() {
		t.Errorf("the code makes the id %s, the page %s", got, want)
	}
}
