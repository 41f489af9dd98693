package docs_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/herocode/horus/domain/history/historytest"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/domain/signing"
)

const signingFile = "signing.md"

// byHand is what all snippets of the page sign.
const byHand = `{"id":"by-hand","payload":"echo hello","runner":"r1"}`

// snippet returns what stands between the fences of a language.
func snippet(t *testing.T, language string) string {
	t.Helper()
	page, err := os.ReadFile(signingFile)
	must(t, err)
	found := regexp.MustCompile("(?s)```" + language + "\n(.*?)```\n").FindSubmatch(page)
	if found == nil {
		t.Fatalf("the page has no %s", language)
	}
	return string(found[1])
}

// The snippets are run as they stand, each with a key that its program can use;
// what they print is a job that a supervisor would take.
func TestSnippetsSignJobs(t *testing.T) {
	ones := bytes.Repeat([]byte{1}, 32)
	ed25519, err := signing.GenerateKey(bytes.NewReader(ones))
	must(t, err)
	secp256k1, err := signing.GenerateSecp256k1(bytes.NewReader(ones))
	must(t, err)
	for _, c := range []struct {
		language, program, flag string
		key                     signing.PrivateKey
		times                   int
	}{
		{"sh", "sh", "-c", ed25519, 1},
		{"python", "python3", "-c", ed25519, 1},
		{"js", "node", "-e", ed25519, 1},
		{"js secp256k1", "node", "-e", secp256k1, 6}, // half of them have a high s at first
	} {
		t.Run(c.language, func(t *testing.T) {
			if _, err := exec.LookPath(c.program); err != nil {
				t.Logf("no %s here: the snippet is not run", c.program)
				return
			}
			dir := t.TempDir()
			file, err := c.key.MarshalPEM()
			must(t, err)
			must(t, os.WriteFile(filepath.Join(dir, "job.key"), file, 0o600))
			for range c.times {
				cmd := exec.CommandContext(t.Context(), c.program, c.flag, snippet(t, c.language))
				cmd.Dir = dir
				out, err := cmd.Output()
				if err != nil {
					t.Fatalf("%v: %s", err, out)
				}
				wantSigned(t, bytes.TrimSpace(out), c.key.Public())
			}
		})
	}
}

// wantSigned fails unless a text is a job that the key signed.
func wantSigned(t *testing.T, text []byte, key signing.PublicKey) {
	t.Helper()
	s, err := job.Parse(text)
	must(t, err)
	opened, err := s.Open()
	must(t, err)
	checks, err := opened.AppendChecks(nil, func(id signing.KeyID) (signing.PublicKey, bool) { return key, id == key.ID() })
	must(t, err)
	if len(checks) != 1 || !signing.Verify(checks[0].Key, checks[0].Message, checks[0].Signature) || opened.Spec.ID.String() != "by-hand" {
		t.Errorf("%s is not signed", text)
	}
}

func TestTheVectorIsWhatTheCodeSigns(t *testing.T) {
	key, err := signing.GenerateKey(bytes.NewReader(bytes.Repeat([]byte{1}, 32)))
	must(t, err)
	s := historytest.Sign(job.FormDSSE, []byte(byHand), key)
	want := string(signing.Envelope{PayloadType: job.PayloadType, Payload: s.Doc, Signatures: []signing.EnvelopeSignature{
		{KeyID: string(s.Signatures[0].Key), Signature: s.Signatures[0].Signature},
	}}.Append(nil)) + "\n"
	if *update {
		page, err := os.ReadFile(signingFile)
		must(t, err)
		text := strings.Replace(string(page), "```json vector\n"+snippet(t, "json vector")+"```", "```json vector\n"+want+"```", 1)
		must(t, os.WriteFile(signingFile, []byte(text), 0o644)) //nolint:gosec // a page for all
	}
	if got := snippet(t, "json vector"); got != want {
		t.Errorf("the page shows\n%s, the code writes\n%s", got, want)
	}
}
