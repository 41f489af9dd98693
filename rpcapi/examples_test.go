package rpcapi_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	gojson "github.com/go-json-experiment/json"

	"github.com/herocode/horus/eventstore"
	"github.com/herocode/horus/rpcapi"
	"github.com/herocode/horus/rpcapi/jsonrpc"
	"github.com/herocode/horus/rpcapi/openrpc/openrpctest"
)

// prepare brings a system to where the example of a method begins.
func prepare(s *server, method string) {
	hello := `{"id":"hello","payload":"echo hello","executor":"sh"}`
	oldHello := `{"id":"hello","caller_id":"me","context_id":"demo","payload":"echo hello","executor":"sh"}`
	done := strings.Replace(hello, `"hello"`, `"done"`, 1)
	switch method {
	case "secrets.list", "secrets.remove", "key.remove":
		s.call("secrets.add", `{"name":"builds","scope":"user","kinds":["sh"]}`)
	case "remove_secret":
		s.call("add_secret", `{"secret_type":"user","secret_value":"chosen by hand"}`)
	case "runner.remove", "remove_runner":
		s.Runner("r1").Leave()
	case "job.get", "job.explain", "job.history", "jobs.query", "queues.list", "get_job", "jobs.list", "list_jobs", "system.info":
		s.call("jobs.submit", `{"job":`+hello+`}`)
	case "job.start":
		s.call("jobs.create", `{"job":`+hello+`}`)
	case "job.run":
		s.call("jobs.submit", `{"job":`+oldHello+`}`)
		s.Runner("r1", "sh").Complete("hello", "hello\n")
	case "job.stop":
		s.call("jobs.submit", `{"job":`+hello+`}`)
	case "dead.list", "dead.get", "dead.replay", "dead.drop":
		s.call("jobs.submit", `{"job":`+strings.Replace(hello, `"hello"`, `"broken"`, 1)+`}`)
		s.Runner("r1", "sh").Fail("broken", "no luck", 7)
	case "job.wait", "job.status", "job.result", "get_job_result", "job.delete", "delete_job":
		s.call("jobs.submit", `{"job":`+done+`}`)
		s.Runner("r1", "sh").Complete("done", "hello\n")
	case "job.logs", "get_job_logs":
		s.call("jobs.submit", `{"job":`+done+`}`)
		s.Runner("r1", "sh").Start("done", "hello")
	case "get_runner_logs":
		s.call("jobs.submit", `{"job":{"id":"done","payload":"echo hello","runner":"r1"}}`)
		s.Runner("r1").Start("done", "hello")
	case "runners.list", "runner.status", "list_runners", "get_runner_status", "get_all_runner_status", "get_all_status", "get_supervisor_info", "runner.pause", "runner.drain", "runner.resume":
		s.Runner("r1")
	}
}

// unmanaged are the calls that nothing good can come of as long as there is no
// process manager.
func unmanaged() []string {
	return []string{"add_runner", "start_runner", "stop_runner", "start_all", "stop_all"}
}

// Every method shows an example, and answers it as it shows.
func TestExamples(t *testing.T) {
	for _, m := range newServer(t, nil).api.Methods() {
		t.Run(m.Name, func(t *testing.T) {
			if len(m.Examples) == 0 && m.Name != "rpc.discover" && !slices.Contains(unmanaged(), m.Name) {
				t.Fatal("the method has no example")
			}
			for _, example := range m.Examples {
				s := exampleServer(t, m.Name)
				params, err := gojson.Marshal(example.Params)
				if err != nil {
					t.Fatal(err)
				}
				want, err := gojson.Marshal(example.Result)
				if err != nil {
					t.Fatal(err)
				}
				got := s.call(m.Name, withoutEmpty(t, params))
				if got.Error.Code != 0 {
					t.Fatalf("%s: %+v", params, got.Error)
				}
				same(t, string(got.Result), string(want))
			}
		})
	}
}

// exampleServer is one on which the example of a method can be sent.
func exampleServer(t *testing.T, method string) *server {
	t.Helper()
	s := newServer(t, func(c *rpcapi.Config) {
		ci, err := rpcapi.NewAPIKey("ci", rpcapi.Admin, "ci-secret")
		if err != nil {
			t.Fatal(err)
		}
		c.Unsigned, c.Keys, c.Random = rpcapi.Countersign, []rpcapi.APIKey{ci}, sevens{}
		c.Durability = func() eventstore.Durability { return eventstore.EverySecond }
	})
	s.bearer = "ci-secret"
	prepare(s, method)
	s.Settle()
	return s
}

// Clients of the original write parameters in whichever way their library does.
func TestOldNamesTakeParametersInFourWays(t *testing.T) {
	for _, m := range newServer(t, nil).api.Methods() {
		if !m.Deprecated || len(m.Examples) == 0 {
			continue
		}
		text, err := gojson.Marshal(m.Examples[0].Params)
		if err != nil {
			t.Fatal(err)
		}
		want, err := gojson.Marshal(m.Examples[0].Result)
		if err != nil {
			t.Fatal(err)
		}
		named := withoutEmpty(t, text)
		for way, params := range map[string]string{
			"by name": named, "within params": `{"params":` + named + `}`, "one object": `[` + named + `]`,
			"by position": positions(t, &m, named),
		} {
			t.Run(m.Name+" "+way, func(t *testing.T) {
				s := exampleServer(t, m.Name)
				if way == "by position" && m.Credential != "" {
					s.bearer = "" // it is among them
				}
				got := s.call(m.Name, params)
				if got.Error.Code != 0 {
					t.Fatalf("%s: %+v", params, got.Error)
				}
				same(t, string(got.Result), string(want))
			})
		}
	}
}

// positions writes parameters as a list in the order of the method, with its
// credential.
func positions(t *testing.T, m *jsonrpc.Method, named string) string {
	t.Helper()
	var members map[string]json.RawMessage
	if err := json.Unmarshal([]byte(named), &members); err != nil {
		t.Fatal(err)
	}
	if m.Credential != "" {
		members[m.Credential] = json.RawMessage(`"ci-secret"`)
	}
	var list []string
	for _, p := range m.Params() {
		value, given := members[p.Name]
		if !given {
			break // what is not given is at the end
		}
		list = append(list, string(value))
	}
	if len(list) != len(members) {
		t.Fatalf("%s: %s has a gap", m.Name, named)
	}
	return "[" + strings.Join(list, ",") + "]"
}

// sevens is a source of randomness that has none.
type sevens struct{}

func (sevens) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 7
	}
	return len(p), nil
}

// withoutEmpty leaves out the secret that was not given.
func withoutEmpty(t *testing.T, params []byte) string {
	t.Helper()
	var members map[string]json.RawMessage
	if err := json.Unmarshal(params, &members); err != nil {
		t.Fatal(err)
	}
	for name, value := range members {
		if v := string(value); v == `""` || v == "[]" || v == "null" {
			delete(members, name)
		}
	}
	text, err := json.Marshal(members)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// The description is valid, is open to everybody, and bounds what the server
// bounds.
func TestDiscover(t *testing.T) {
	s := newServer(t, nil)
	document := s.call("rpc.discover", "[]").Result
	if err := openrpctest.Validate(document); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`"maximum":300`,                    // of job.wait's timeout
		`"maximum":1000`,                   // of a page
		`"maximum":86400`,                  // of a job's timeout, inside the job
		`"application/vnd.horus.job+json"`, // of an envelope
		`"Seconds that one attempt may run; 300 if absent."`, // said by the domain
		`"pattern":"^[A-Za-z0-9][A-Za-z0-9._-]*$"`,
		`"deprecated":true`,
	} {
		if !strings.Contains(string(document), want) {
			t.Errorf("the document does not say %s", want)
		}
	}
}
