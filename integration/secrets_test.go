package integration

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/herocode/horus/cmd/statedir"
	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/access"
	"github.com/herocode/horus/rpcapi/client"
	"github.com/herocode/horus/rpcapi/client/wire"
)

// TestSecretsStayWithWhoHoldsThem gives a supervisor secrets that are easy to
// find, uses them well and badly, and looks for them where they must not be:
// in any log, in any key of Redis, on any command line.
func TestSecretsStayWithWhoHoldsThem(t *testing.T) {
	t.Parallel()
	w := onShared(t)
	w.topic = "everything=*;from=start"
	canaries := map[string]string{
		"HORUS_ADMIN_SECRET":    "canary-admin-7f1d2b9c04",
		"HORUS_USER_SECRET":     "canary-user-5a80c3e6d1",
		"HORUS_REGISTER_SECRET": "canary-register-92b4f7a",
	}
	env := w.environment()
	for name, secret := range canaries {
		env = append(env, name+"="+secret)
	}
	supervisor := start(t, env, "supervisor", "--port", strconv.Itoa(w.port), "--log", "debug", "--unsigned", "countersign")
	w.ready(w.port, patience)
	runner := w.runner("r1", "--log", "debug")
	w.admit()
	dir, err := statedir.Open(w.dir)
	if err != nil {
		t.Fatal(err)
	}
	if canaries["state directory"], err = dir.Read(w.ns, statedir.APIKey); err != nil {
		t.Fatal(err)
	}

	w.addSecrets(canaries)

	var said []string
	for _, secret := range canaries {
		said = append(said, w.useSecret(secret)...)
	}
	w.removeSecrets(canaries)
	for _, secret := range canaries {
		if strings.Contains(strings.Join(said, "\n"), secret) {
			t.Errorf("an answer holds the secret %s:\n%s", secret, strings.Join(said, "\n"))
		}
	}

	places := map[string]string{"the supervisor's log": supervisor.out.String(), "the runner's log": runner.out.String()}
	redis := w.redis.Client()
	for _, key := range w.keys() {
		places["the key "+key] = values(t, redis, key)
	}
	for _, p := range []*process{supervisor, runner} {
		line, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(p.cmd.Process.Pid), "cmdline"))
		if err != nil && !os.IsNotExist(err) { // not every system has that
			t.Fatal(err)
		}
		places["the command line of "+p.name] = string(line)
	}
	for place, text := range places {
		for whose, secret := range canaries {
			if strings.Contains(text, secret) {
				t.Errorf("%s holds the secret of %s", place, whose)
			}
		}
	}
	for _, secret := range canaries { // nor has the history what is random in a key
		if random := secret[strings.LastIndex(secret, "_")+1:]; strings.Contains(places["the key "+string(w.ns)+":{p000}:log"], random) {
			t.Error("the history holds what is random in a key")
		}
	}
	for _, p := range []string{
		"the supervisor's log", "the key " + string(w.ns) + ":{p000}:log", "the key " + string(w.ns) + ":{p000}:topic:everything",
	} {
		if places[p] == "" {
			t.Errorf("%s is empty: nothing was searched", p)
		}
	}
	w.wantTrue()
}

// addSecrets makes API keys while the supervisor runs, and has it keep secrets
// that somebody chose.
func (w *world) addSecrets(canaries map[string]string) {
	w.t.Helper()
	admin := w.keyed(canaries["HORUS_ADMIN_SECRET"])
	for name, ask := range map[string]wire.AddSecret{
		"bound": {Name: "bound", Scope: access.User, Runners: []string{"r1"}},
		"chief": {Name: "chief", Scope: access.Admin},
	} {
		added, err := admin.AddSecret(w.ctx(), ask)
		if err != nil {
			w.t.Fatal(err)
		}
		canaries[name] = added.Key
	}
	canaries["chosen"] = "canary-chosen-41c7e0aa98"
	if err := admin.Call(w.ctx(), "add_secret", []string{canaries["chief"], "user", canaries["chosen"]}, nil); err != nil {
		w.t.Fatal(err)
	}
}

// removeSecrets removes them, and sees that they are refused.
func (w *world) removeSecrets(canaries map[string]string) {
	w.t.Helper()
	admin := w.keyed(canaries["chief"])
	if err := admin.Call(w.ctx(), "remove_secret", []string{canaries["chief"], "user", canaries["chosen"]}, nil); err != nil {
		w.t.Fatal(err)
	}
	for _, name := range []string{"bound", "chief"} {
		if _, err := admin.RemoveSecret(w.ctx(), name, "the test is over"); err != nil {
			w.t.Fatal(err)
		}
	}
	for _, whose := range []string{"bound", "chief", "chosen"} {
		if _, err := w.keyed(canaries[whose]).List(w.ctx(), wire.JobQuery{}); domain.CodeOf(err) != domain.Unauthenticated {
			w.t.Errorf("the removed secret of %s: %v", whose, err)
		}
	}
}

// keyed is a client with an API key.
func (w *world) keyed(secret string) *client.Client {
	w.t.Helper()
	c, err := client.New(client.Config{Addresses: []string{w.url()}, APIKey: secret})
	if err != nil {
		w.t.Fatal(err)
	}
	return c
}

// useSecret uses a secret in the ways that there are: as a header, as a
// parameter, and as a part of calls that are refused. It returns what was
// answered.
func (w *world) useSecret(secret string) (answers []string) {
	w.t.Helper()
	if receipt, err := w.keyed(secret).Submit(w.ctx(), client.NewJob("echo hello").Runner("r1")); err == nil {
		w.wantOneOutcome(receipt.ID)
	}
	job := `{"executor":"sh","runner":"r1","payload":"echo hello"}`
	for _, body := range []string{
		`{"jsonrpc":"2.0","id":1,"method":"job.run","params":{"secret":"` + secret + `","job":` + job + `}}`,
		`{"jsonrpc":"2.0","id":2,"method":"auth.verify","params":{"key":"` + secret + `"}}`,
		`{"jsonrpc":"2.0","id":3,"method":"job.run","params":["` + secret + `",{"unknown":1}]}`,
		`{"jsonrpc":"2.0","id":4,"method":"job.run","params":{"secret":"not-` + secret + `","job":` + job + `}}`,
		`{"jsonrpc":"2.0","id":5,"method":"get_supervisor_info","params":{"admin_secret":"` + secret + `"}}`,
		`{"jsonrpc":"2.0","id":6,"method":"no.such.method","params":{"secret":"` + secret + `"}}`,
		`{"jsonrpc":"2.0","id":7,"method":"register_runner","params":{"secret":"` + secret + `","name":"r9","queue":"` + `q9"}}`,
		`{"jsonrpc":"2.0","id":9,"method":"key.list","params":{"admin_key":"` + secret + `"}}`,
		`{"jsonrpc":"2.0","id":10,"method":"secrets.list","params":{"secret":"` + secret + `"}}`,
		`{"jsonrpc":"2.0","id":11,"method":"add_secret","params":["` + secret + `","root","` + secret + `"]}`,
		`{"jsonrpc":"2.0","id":8,"method":"job.get","params":{"id":` + secret,
	} {
		code, answer := w.post(body, nil)
		if code != http.StatusOK && code != http.StatusBadRequest {
			w.t.Errorf("%s: HTTP %d %s", body, code, answer)
		}
		answers = append(answers, answer)
	}
	_, answer, err := fetch(context.WithoutCancel(w.ctx()), w.url()+"/metrics")
	if err != nil {
		w.t.Fatal(err)
	}
	return append(answers, answer)
}
