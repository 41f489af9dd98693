package access_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/herocode/horus/domain/access"
	"github.com/herocode/horus/domain/seedtest"
	"github.com/herocode/horus/domain/signing"
)

func TestParseClassKnowsFourWords(t *testing.T) {
	for _, word := range []string{"supervisor", "runner", "client", "operator"} {
		if c, err := access.ParseClass(word); err != nil || string(c) != word {
			t.Errorf("ParseClass(%s) = %s, %v", word, c, err)
		}
	}
	for _, word := range []string{"", "Client", "clients", "root"} {
		if c, err := access.ParseClass(word); err == nil {
			t.Errorf("ParseClass(%q) = %s, want an error", word, c)
		}
	}
}

func TestDecodeRefusesWhatCouldNotHaveBeenWritten(t *testing.T) {
	admitted := string(access.Admitted{Key: proved(access.Key{Class: access.Runner, Name: "r1", Kinds: names("sh"), Until: noon}, key(t, 4))}.AppendData(nil))
	founded := string(founding(t).AppendData(nil))
	rotated := string(access.Rotation("horus", key(t, 3), key(t, 9), noon).AppendData(nil))
	revoked := string(access.Revoked{Key: id(t, 3), Reason: "stolen"}.AppendData(nil))
	_, secret := secretOf(1)
	added := string(access.APIKeyAdded{Key: access.APIKey{Name: "ci", Scope: access.User, Runners: names("r1"), Secret: secret}}.AppendData(nil))
	kept := string(access.APIKeyAdded{Key: access.APIKey{Name: "old", Scope: access.User, Secret: chosen(t, "correct horse")}}.AppendData(nil))
	for _, tt := range []struct{ name, event, data, old, replacement string }{
		{"no kinds", "access.admitted", admitted, `["sh"]`, `[]`},
		{"a comma at the end", "access.admitted", admitted, `["sh"]`, `["sh",]`},
		{"seventeen kinds", "access.admitted", admitted, `["sh"]`, `[` + strings.Repeat(`"sh",`, 16) + `"sh"]`},
		{"an end that is none", "access.admitted", admitted, `2026-01-02T12:00:00.000000Z`, `1970-01-01T00:00:00.000000Z`},
		{"a key of small order", "access.admitted", admitted, key(t, 4).Public().String(), "01" + strings.Repeat("0", 62)},
		{"a key in capitals", "access.admitted", admitted, key(t, 4).Public().String(), strings.ToUpper(key(t, 4).Public().String())},
		{"a class that is none", "access.admitted", admitted, `"runner"`, `"root"`},
		{"no partition", "access.founded", founded, `"partitions":1`, `"partitions":0`},
		{"a partition too many", "access.founded", founded, `"partitions":1`, `"partitions":65536`},
		{"another hash", "access.founded", founded, "rfc6962-sha256", "sha1"},
		{"another event's data", "access.admitted", founded, "", ""},
		{"an unknown name", "access.forgotten", admitted, "", ""},
		{"an operator of zeros", "access.admitted", admitted, `=="}`, `==","operator":"` + (signing.Signature{}).String() + `"}`},
		{"a beginning that is none", "access.admitted", admitted, `,"until":`, `,"since":"","until":`},
		{"a rotation without an end", "access.rotated", rotated, `2026-01-02T12:00:00.000000Z`, ``},
		{"a rotation to no key", "access.rotated", rotated, key(t, 9).Public().String(), ``},
		{"a reason in two lines", "access.revoked", revoked, `stolen`, `stolen\n`},
		{"a reason that is too long", "access.revoked", revoked, `stolen`, strings.Repeat("x", 201)},
		{"a scope that is none", "access.api_key_added", added, `"user"`, `"root"`},
		{"bound to no runners", "access.api_key_added", added, `["r1"]`, `[]`},
		{"no id and no cost", "access.api_key_added", added, `"id":"` + secret.ID + `",`, ``},
		{"an id in capitals", "access.api_key_added", added, secret.ID, "00C0FFEE12345678"},
		{"an empty id", "access.api_key_added", added, secret.ID, ""},
		{"half a salt", "access.api_key_added", added, `"salt":"0102`, `"salt":"02`},
		{"a check of no passes", "access.api_key_added", kept, `"time":1`, `"time":0`},
		{"a check that never ends", "access.api_key_added", kept, `"time":1`, `"time":4294967297`},
		{"a check with all memory", "access.api_key_added", kept, `"memory":8192`, `"memory":4294967295`},
		{"a check in 257 threads", "access.api_key_added", kept, `"threads":1`, `"threads":257`},
		{"a removal in two lines", "access.api_key_removed", `{"name":"ci","reason":""}`, `""`, `"\n"`},
		{"a key id that is short", "access.revoked", revoked, string(id(t, 3)), "9"},
	} {
		data := strings.Replace(tt.data, tt.old, tt.replacement, 1)
		if tt.old != "" && data == tt.data {
			t.Fatalf("%s: nothing was replaced in %s", tt.name, tt.data)
		}
		if e, err := access.DecodeEvent(tt.event, []byte(data)); err == nil {
			t.Errorf("%s was read as %+v", tt.name, e)
		}
	}
}

// FuzzDecodeEvent holds that whatever is read has one spelling.
func FuzzDecodeEvent(f *testing.F) {
	for _, e := range []access.Event{
		founding(f),
		access.Admitted{Key: proved(access.Key{Class: access.Runner, Name: "r1", Kinds: names("sh", "sal"), Until: noon}, key(f, 4))},
		access.Admitted{Key: proved(access.Key{Class: access.Client, Name: "web"}, key(f, 3))},
		access.Admitted{Key: proved(access.Key{Class: access.Supervisor, Name: "s2", Since: noon, Until: noon}, key(f, 9)).Vouched("horus", key(f, 2))},
		access.Rotation("horus", key(f, 3), key(f, 9), noon),
		access.Revoked{Key: id(f, 3), Reason: "the \"disk\" é"},
		access.APIKeyAdded{Key: access.APIKey{Name: "ci", Scope: access.User, Runners: names("r1"), Kinds: names("sh", "sal"), Until: noon, Secret: access.Secret{ID: "00c0ffee12345678"}}},
		access.APIKeyAdded{Key: access.APIKey{Name: "old", Scope: access.Admin, Secret: access.Secret{Cost: access.Costly()}}},
		access.APIKeyRemoved{Name: "ci", Reason: "the \"disk\" é"},
	} {
		for data := range seedtest.Variants(e.AppendData(nil)) {
			f.Add(e.EventName(), data)
		}
	}
	f.Fuzz(func(t *testing.T, name string, data []byte) {
		e, err := access.DecodeEvent(name, data)
		if err != nil {
			return
		}
		if again := e.AppendData(nil); e.EventName() != name || !bytes.Equal(again, data) {
			t.Errorf("%s %q was read and is written as %s %q", name, data, e.EventName(), again)
		}
	})
}
