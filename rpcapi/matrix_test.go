package rpcapi_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/herocode/horus/rpcapi"
)

// callers says who may call what: an admin, a user, a registrar, a user whose key
// is bound to runners or kinds, somebody without a secret where anonymous_reads
// is on, and everybody. It is written by hand and not taken from the code.
func callers() map[string]string {
	const (
		jobs       = "admin user bound"
		looking    = "admin user"
		open       = "admin user bound anonymous" // of one job
		openLists  = "admin user anonymous"       // of runners
		admins     = "admin"
		registrars = "admin registrar"
		everybody  = "admin user registrar bound anonymous nobody"
	)
	return map[string]string{
		"jobs.submit": jobs, "jobs.submit_many": jobs, "jobs.query": jobs, "job.get": jobs, "job.explain": jobs, "job.wait": jobs, "job.logs": jobs,
		"job.history": jobs, "job.stop": jobs, "job.delete": jobs,
		"dead.list": jobs, "dead.get": jobs, "dead.replay": jobs, "dead.drop": jobs,
		"queues.list": looking, "queue.pause": admins, "queue.drain": admins, "queue.resume": admins,
		"runners.register": registrars, "register_runner": registrars, "runners.list": looking, "runner.status": looking,
		"runner.pause": admins, "runner.drain": admins, "runner.resume": admins, "runner.remove": admins,
		"poison.list": admins, "poison.replay": admins, "poison.drop": admins,
		"keys.add": admins, "keys.list": admins, "keys.rotate": admins, "keys.revoke": admins,
		"secrets.add": admins, "secrets.list": admins, "secrets.remove": admins,
		"system.info": looking, "audit.head": looking, "events.read": admins, "rpc.discover": everybody,

		"jobs.create": jobs, "job.start": jobs, "job.run": jobs, "jobs.list": jobs, "list_jobs": jobs, "create_job": jobs,
		"delete_job": jobs, "get_job": jobs, "get_job_logs": jobs, "queue_job_to_runner": jobs,
		"job.status": open, "job.result": open, "get_job_result": open,
		"list_runners": openLists, "get_runner_status": openLists, "get_all_runner_status": openLists, "get_all_status": openLists,
		"get_runner_logs": looking, "get_supervisor_info": admins,
		"add_runner": admins, "remove_runner": admins, "start_runner": admins, "stop_runner": admins, "start_all": admins, "stop_all": admins,
		"auth.verify": everybody, "auth.create_key": admins, "auth.key.create": admins, "key.list": admins, "key.remove": admins,
		"add_secret": admins, "remove_secret": admins,
	}
}

// Every method with every scope: who may not call learns that and nothing else,
// in words that are the same whatever is asked.
func TestWhoMayWhat(t *testing.T) {
	for _, anonymous := range []bool{false, true} {
		s := newServer(t, func(c *rpcapi.Config) { c.Anonymous = anonymous })
		s.bearer = adminSecret
		secrets := map[string]string{"admin": adminSecret, "user": userSecret, "registrar": registrarSecret, "bound": "", "nobody": ""}
		secrets["bound"] = s.addSecret(`{"name":"bound","scope":"user","runners":["r1"],"kinds":["sh"]}`)
		table, words := callers(), map[string]string{}
		for _, m := range s.api.Methods() {
			row, there := table[m.Name]
			delete(table, m.Name)
			if !there {
				t.Errorf("who may call %s? Say so here and in scope.go", m.Name)
				continue
			}
			for who, secret := range secrets {
				s.bearer = secret
				got := s.call(m.Name, "[]").Error
				may := has(row, who) || who == "nobody" && anonymous && has(row, "anonymous")
				if refused := got.Code == -32001 || got.Code == -32002; may == refused {
					t.Errorf("anonymous_reads %v: %s calls %s, which is right: %v, and is answered %+v", anonymous, who, m.Name, may, got)
				}
				if may {
					continue
				}
				want := "scope"
				if who == "nobody" {
					want = "no_secret"
					if has(row, "anonymous") {
						want = "anonymous_off"
					}
				}
				if got.Data.Reason != want {
					t.Errorf("%s calls %s: reason %s, want %s", who, m.Name, got.Data.Reason, want)
				}
				if said := words[who+want]; said != "" && said != got.Message {
					t.Errorf("%s calls %s: %q, and elsewhere %q", who, m.Name, got.Message, said)
				}
				words[who+want] = got.Message
			}
		}
		for name := range table {
			t.Errorf("there is no method %s", name)
		}
	}
}

func has(words, word string) bool { return strings.Contains(" "+words+" ", " "+word+" ") }

// addSecret makes an API key.
func (s *server) addSecret(params string) string {
	s.t.Helper()
	a := s.call("secrets.add", params)
	var added struct{ Key string }
	if err := json.Unmarshal(a.Result, &added); err != nil || added.Key == "" {
		s.t.Fatalf("%s: %+v", params, a.Error)
	}
	return added.Key
}
