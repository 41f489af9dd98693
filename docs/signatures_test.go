package docs_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	voi "github.com/oasisprotocol/curve25519-voi/primitives/ed25519"

	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/history"
	"github.com/herocode/horus/domain/history/historytest"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/domain/signing"
	"github.com/herocode/horus/eventstore/audit"
)

const judgeSignatures = `
import sys, verify
for line in sys.stdin:
    key, message, signature = (bytes.fromhex(part) for part in line.rstrip("\n").split(","))
    print(verify.holds(key, message, signature))
`

// vectors returns published signatures, good and bad, and all with key and R of
// small order, about which verifiers disagree most, each as key, message and
// signature.
func vectors(t *testing.T) (all [][3][]byte) {
	t.Helper()
	data, err := os.ReadFile("../domain/signing/testdata/wycheproof/ed25519_test.json")
	must(t, err)
	var file struct {
		Groups []struct {
			Key struct {
				PK string `json:"pk"`
			} `json:"publicKey"`
			Tests []struct{ Msg, Sig string } `json:"tests"`
		} `json:"testGroups"`
	}
	must(t, json.Unmarshal(data, &file))
	unhex := func(text string) []byte {
		raw, err := hex.DecodeString(text)
		must(t, err)
		return raw
	}
	for _, group := range file.Groups {
		for _, c := range group.Tests {
			if len(c.Sig) == 2*len(signing.Signature{}) {
				all = append(all, [3][]byte{unhex(group.Key.PK), unhex(c.Msg), unhex(c.Sig)})
			}
		}
	}
	all = append(all, secp256k1Vectors(t, unhex)...)
	zeros, ones := strings.Repeat("00", 30), strings.Repeat("ff", 30)
	small := []string{
		"01" + zeros + "00", "01" + zeros + "80", "ee" + ones + "7f", "ee" + ones + "ff", "ec" + ones + "7f", "ec" + ones + "ff",
		"00" + zeros + "00", "00" + zeros + "80", "ed" + ones + "7f", "ed" + ones + "ff",
		"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
		"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
	}
	for _, a := range small {
		for _, r := range small {
			all = append(all, [3][]byte{unhex(a), []byte("Zcash"), unhex(r + strings.Repeat("00", 32))})
		}
	}
	return all
}

// secp256k1Vectors returns those of the encoding that is ours.
func secp256k1Vectors(t *testing.T, unhex func(string) []byte) (all [][3][]byte) {
	t.Helper()
	data, err := os.ReadFile("../domain/signing/testdata/wycheproof/ecdsa_secp256k1_sha256_p1363_test.json")
	must(t, err)
	var file struct {
		Groups []struct {
			Key   struct{ Uncompressed string } `json:"publicKey"`
			Tests []struct{ Msg, Sig string }   `json:"tests"`
		} `json:"testGroups"`
	}
	must(t, json.Unmarshal(data, &file))
	for _, group := range file.Groups {
		key := unhex(group.Key.Uncompressed)
		compressed := append([]byte{2 + key[64]&1}, key[1:33]...)
		for _, c := range group.Tests {
			if len(c.Sig) == 2*len(signing.Signature{}) {
				all = append(all, [3][]byte{compressed, unhex(c.Msg), unhex(c.Sig)})
			}
		}
	}
	return all
}

// good judges one of the vectors as the code does, which judges keys of small
// order only here: no such key is ever read.
func good(t *testing.T, v [3][]byte) bool {
	t.Helper()
	if len(v[0]) == 33 {
		key, err := signing.ParsePublicKey(hex.EncodeToString(v[0]))
		must(t, err)
		return signing.Verify(key, v[1], signing.Signature(v[2]))
	}
	return voi.VerifyWithOptions(v[0], v[1], v[2], &voi.Options{Verify: voi.VerifyOptionsZIP_215})
}

func TestTheCheckerJudgesSignaturesByTheSameRule(t *testing.T) {
	all := vectors(t)
	var in bytes.Buffer
	for _, v := range all {
		fmt.Fprintf(&in, "%x,%x,%x\n", v[0], v[1], v[2])
	}
	cmd := exec.CommandContext(t.Context(), "python3", "-B", "-c", judgeSignatures)
	cmd.Stdin = &in
	out, err := cmd.Output()
	must(t, err)
	answers, many := strings.Fields(string(out)), 0
	if len(answers) != len(all) {
		t.Fatalf("%d answers to %d questions", len(answers), len(all))
	}
	for i, v := range all {
		holds := good(t, v)
		if want := map[bool]string{true: "True", false: "False"}[holds]; answers[i] != want {
			t.Errorf("key %x, message %x, signature %x: verify.py says %s, want %s", v[0], v[1], v[2], answers[i], want)
		}
		if holds {
			many++
		}
	}
	if many < 100 || many > len(all)-20 {
		t.Errorf("%d of %d are good: too few of one sort", many, len(all))
	}
}

// What no forgery of the auditor's tests does: a job that came too late, and a
// seal with the second signature that anybody can make of a first one where
// S is not compared with the order of the group.
func TestTheCheckerFindsLateJobsAndSecondSignatures(t *testing.T) {
	late := story()
	late.Commit(func(tx *historytest.Tx) {
		doc := fmt.Sprintf(`{"id":"late","payload":"x","runner":"r1","not_after":%q}`, (tx.Now - 1).String())
		tx.Emit(event.Header{Aggregate: historytest.JobOf("late"), Actor: event.ByAPIKey("web")},
			job.Submitted{Submission: job.Submission{Form: job.FormUnsigned, Doc: []byte(doc)}})
	})
	log := story().Raws()
	log = historytest.Edited(log, len(log)-1, func(s *signing.Seal) { addOrder(s.Signature[32:]) })
	var f files
	for name, log := range map[string][]history.Raw{"a late job": late.Raws(), "S + L": log} {
		f.add(name, exported(t, log))
	}
	for i, v := range f.agree(t) {
		if v.Finding != audit.Tampered {
			t.Errorf("%s: %s", f.names[i], v)
		}
	}
}

// addOrder adds the order of the group to a number, both little-endian.
func addOrder(s []byte) {
	order, _ := hex.DecodeString("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010")
	carry := 0
	for i := range s {
		carry += int(s[i]) + int(order[i])
		s[i] = byte(carry) //nolint:gosec // the low byte
		carry >>= 8
	}
}
