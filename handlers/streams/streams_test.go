package streams_test

import (
	"bytes"
	"maps"
	"testing"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/seedtest"
	"github.com/herocode/horus/handlers/streams"
)

// metadataOf is the metadata of a message on the wire.
func metadataOf(t testing.TB, metadata message.Metadata) []byte {
	t.Helper()
	msg := message.NewMessage("id", nil)
	msg.Metadata = metadata
	fields, err := streams.Encode(msg)
	if err != nil {
		t.Fatal(err)
	}
	return []byte(fields[1].Value)
}

// Whoever can write to Redis chooses what a subscriber reads: metadata in
// MessagePack, of which a message comes out, or an error that says so.
func FuzzDecode(f *testing.F) {
	seedtest.Add(f, metadataOf(f, message.Metadata{"type": "job.completed", "seq": "42", "correlation_id": "report/r1/8f3a/7/0"}))
	f.Add([]byte(nil))
	f.Add([]byte{0xc0})                               // none
	f.Add([]byte{0xdf, 0xff, 0xff, 0xff, 0xff})       // a map of four billion
	f.Add([]byte{0x81, 0xa1, 'k', 0xdb, 0x7f, 0xff})  // a string of two billion bytes
	f.Add(bytes.Repeat([]byte{0x81, 0xa1, 'k'}, 500)) // maps in maps
	f.Fuzz(func(t *testing.T, metadata []byte) {
		msg, err := streams.Decode(map[string]any{
			"_watermill_message_uuid": "id", "metadata": string(metadata), "payload": "p",
		})
		if err != nil {
			if domain.CodeOf(err) != domain.Invalid || domain.ReasonOf(err) != "message" {
				t.Fatalf("refused with %v", err)
			}
			return
		}
		again, err := streams.Decode(map[string]any{
			"_watermill_message_uuid": "id", "metadata": string(metadataOf(t, msg.Metadata)), "payload": "p",
		})
		if err != nil || !maps.Equal(again.Metadata, msg.Metadata) {
			t.Fatalf("%q became %q, %v", msg.Metadata, again.Metadata, err)
		}
	})
}
