package rpcapi_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/herocode/horus/domain/access"
	"github.com/herocode/horus/rpcapi/rpcapitest"
)

// nonced is a job with a nonce until shortly behind the server's time.
func nonced(s *server, id, nonce string) string {
	return fmt.Sprintf(`{"id":%q,"payload":"x","runner":"r1","nonce":%q,"not_after":%q}`,
		id, nonce, s.Clock().Add(time.Minute).UTC().Format(time.RFC3339))
}

// Row 32 of the table of bad inputs: whoever sends a key's nonce with another job
// is refused, and told not to try that again.
func TestANonceIsGoodForOneJob(t *testing.T) {
	s := newServer(t, nil)
	s.bearer = userSecret
	alice, bob := rpcapitest.Key(3), rpcapitest.Key(4)
	s.Admit(alice, access.Client, "alice", 0)
	s.Admit(bob, access.Client, "bob", 0)
	submit := func(text string) answer { return s.call("jobs.submit", `{"job":`+text+`}`) }
	first := envelope(nonced(s, "j1", "n1"), alice)
	same(t, string(submit(first).Result), `{"id":"j1","state":"queued","durability":"memory","duplicate":false}`)
	for name, text := range map[string]string{
		"in an envelope":   envelope(nonced(s, "j2", "n1"), alice),
		"in the job":       signed(t, nonced(s, "j2", "n1"), alice),
		"with another key": envelope(nonced(s, "j2", "n1"), bob, alice),
	} {
		got := submit(text)
		if got.Error.Code != -32005 || got.Error.Data.Reason != "nonce" || got.Error.Data.Retry != "no" {
			t.Errorf("the nonce again, signed %s: %+v", name, got)
		}
	}
	if got := s.call("job.get", `["j2"]`).Error.Code; got != -32003 {
		t.Errorf("the job that was refused is there (%d)", got)
	}
	same(t, string(submit(first).Result), `{"id":"j1","state":"queued","durability":"memory","duplicate":true}`)
	same(t, string(submit(envelope(nonced(s, "j3", "n1"), bob)).Result), `{"id":"j3","state":"queued","durability":"memory","duplicate":false}`)
	var view struct{ Nonce string }
	if err := json.Unmarshal(s.call("job.get", `["j1"]`).Result, &view); err != nil || view.Nonce != "n1" {
		t.Errorf("the job shows the nonce %q, %v", view.Nonce, err)
	}
}

// In a bulk, and in a call of many, the first job has the nonce.
func TestOfManyTheFirstHasTheNonce(t *testing.T) {
	s := newServer(t, nil)
	s.bearer = userSecret
	alice := rpcapitest.Key(3)
	s.Admit(alice, access.Client, "alice", 0)
	bulk := []string{nonced(s, "b1", "n1"), nonced(s, "b2", "n1"), nonced(s, "b3", "n2")}
	alone := []string{envelope(nonced(s, "m1", "n3"), alice), envelope(nonced(s, "m2", "n3"), alice), envelope(nonced(s, "m3", "n2"), alice)}
	for _, tt := range []struct {
		bulk string
		jobs []string
		want string
	}{
		{bulkOf(alice, bulk...), bulk, "ok nonce ok"},
		{bulkOf(alice, bulk...), bulk, "ok nonce ok"}, // again
		{"", alone, "ok nonce nonce"},
	} {
		verdicts, code, _ := s.many(t, tt.bulk, tt.jobs...)
		var words []string
		for _, v := range verdicts {
			word := "ok"
			if v.Receipt == nil {
				word = v.Error.Data.Reason
			}
			words = append(words, word)
		}
		if got := strings.Join(words, " "); got != tt.want || code != 0 {
			t.Errorf("%s, %d; want %s", got, code, tt.want)
		}
	}
}
