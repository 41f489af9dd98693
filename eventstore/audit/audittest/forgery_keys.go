package audittest

import (
	"slices"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/access"
	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/history/historytest"
	"github.com/herocode/horus/domain/job"
	"github.com/herocode/horus/domain/loss"
	"github.com/herocode/horus/domain/runner"
	"github.com/herocode/horus/domain/signing"
)

// stated is the header of a statement.
func stated() event.Header {
	return event.Header{Aggregate: event.Aggregate{Kind: event.Access}, Actor: event.ByAPIKey("admin")}
}

// succeeded lets a newcomer lead, and returns the key of the leader before it,
// which holds.
func (a author) succeeded() signing.PrivateKey {
	before := a.Supervisor
	a.BeginAlone(historytest.Key("successor"), "successor")
	a.Seal()
	return before
}

func ofRotations() []Forgery {
	next := historytest.Key("next")
	rotated := func(edit func(a author, e *access.Rotated)) func(author) uint64 {
		return func(a author) uint64 {
			e := access.Rotation(a.Namespace, a.Supervisor, next, a.Now)
			edit(a, &e)
			return a.Emit(stated(), e).Seq
		}
	}
	return []Forgery{
		{"a key is rotated without its signature", rotated(func(_ author, e *access.Rotated) { e.By = e.Proof })},
		{"a key is rotated without the new one's signature", rotated(func(_ author, e *access.Rotated) { e.Proof = e.By })},
		{"a key that nobody knows is rotated", rotated(func(a author, e *access.Rotated) {
			*e = access.Rotation(a.Namespace, historytest.Key("thief"), next, a.Now)
		})},
		{"a key is rotated to one that is known", rotated(func(a author, e *access.Rotated) {
			*e = access.Rotation(a.Namespace, a.Supervisor, a.Client, a.Now)
		})},
		{"a key is rotated whose end has passed", rotated(func(a author, e *access.Rotated) {
			*e = access.Rotation(a.Namespace, historytest.Key(historytest.Expired), next, a.Now)
		})},
		{"a key is rotated for another namespace", rotated(func(a author, e *access.Rotated) {
			*e = access.Rotation("elsewhere", a.Supervisor, next, a.Now)
		})},
		{"a key is rotated twice", func(a author) uint64 {
			a.Rotate(a.Client, next)
			return a.Emit(stated(), access.Rotation(a.Namespace, a.Client, historytest.Key("another"), a.Now)).Seq
		}},
		{"a rotated key seals after its end", func(a author) uint64 {
			a.Rotate(a.Supervisor, next)
			a.Seal()
			return a.Emit(stated(), access.Revoked{Key: next.Public().ID()}).Seq
		}},
	}
}

func ofAPIKeys() []Forgery {
	added := func(edit func(a author, k *access.APIKey)) func(author) uint64 {
		return func(a author) uint64 {
			_, first := access.Make([8]byte{0xf1}, [32]byte{}, [16]byte{})
			_, second := access.Make([8]byte{0xf2}, [32]byte{}, [16]byte{})
			a.AddAPIKey(access.APIKey{Name: "forger", Scope: access.User, Secret: first})
			k := access.APIKey{Name: "forged", Scope: access.User, Secret: second}
			edit(a, &k)
			return a.Emit(stated(), access.APIKeyAdded{Key: k}).Seq
		}
	}
	return []Forgery{
		{"an API key is added twice", added(func(_ author, k *access.APIKey) { k.Name = "forger" })},
		{"an API key has another one's secret", added(func(_ author, k *access.APIKey) { k.Secret.ID = "f100000000000000" })},
		{"an API key of an admin is bound", added(func(_ author, k *access.APIKey) { k.Scope, k.Runners = access.Admin, []domain.Name{"r1"} })},
		{"an API key is added after its end", added(func(a author, k *access.APIKey) { k.Until = a.Now - 1 })},
		{"an API key is removed that there is not", func(a author) uint64 {
			return a.Emit(stated(), access.APIKeyRemoved{Name: "forged"}).Seq
		}},
		{"an API key is removed twice", func(a author) uint64 {
			_, secret := access.Make([8]byte{0xf1}, [32]byte{}, [16]byte{})
			a.AddAPIKey(access.APIKey{Name: "forged", Scope: access.Admin, Secret: secret})
			a.RemoveAPIKey("forged", "")
			return a.Emit(stated(), access.APIKeyRemoved{Name: "forged"}).Seq
		}},
	}
}

func ofRevocations() []Forgery {
	return []Forgery{
		{"a key is revoked twice", func(a author) uint64 {
			a.Revoke(a.Operator.Public().ID(), "")
			return a.Emit(stated(), access.Revoked{Key: a.Operator.Public().ID()}).Seq
		}},
		{"a revoked key is admitted", func(a author) uint64 {
			a.Revoke(historytest.Key("thief").Public().ID(), "stolen before it came")
			return a.admitted(stated(), "thief", access.Key{Class: access.Client, Name: "thief"})
		}},
		{"a revoked key is rotated", func(a author) uint64 {
			a.Revoke(a.Client.Public().ID(), "")
			return a.Emit(stated(), access.Rotation(a.Namespace, a.Client, historytest.Key("next"), a.Now)).Seq
		}},
		{"a revoked key seals", func(a author) uint64 {
			id := a.waiting()
			a.Revoke(a.Supervisor.Public().ID(), "its last act")
			a.Seal()
			return a.Emit(of(id), job.AttemptLost{Attempt: 1, Reason: job.LostLease}).Seq
		}},
		{"a term begins under a revoked key", func(a author) uint64 {
			stolen := a.succeeded()
			a.Revoke(stolen.Public().ID(), "stolen")
			a.Seal()
			a.Begin(stolen)
			return a.Next() - 1
		}},
		{"a runner reports under a revoked key that was only pinned", func(a author) uint64 {
			id := a.waiting()
			a.Revoke(a.r1.Key.Public().ID(), "stolen")
			a.Seal()
			wrong := a.Next()
			a.Hear(a.r1, runner.Started{About: a.About(id)})
			return wrong
		}},
		{"a runner joins under a revoked key", func(a author) uint64 {
			a.Revoke(a.k1.Key.Public().ID(), "stolen")
			a.Seal()
			wrong := a.Next()
			w := a.NewProcess("k1", "sh")
			a.Hear(w, w.Join())
			return wrong
		}},
		{"a job is signed with a revoked key", func(a author) uint64 {
			a.Revoke(a.Client.Public().ID(), "stolen")
			return a.again("revoked").Seq
		}},
	}
}

func ofNewcomers() []Forgery {
	alone := func(edit func(a author, k *access.Key)) func(author) uint64 {
		return func(a author) uint64 {
			newcomer := historytest.Key("newcomer")
			k := access.Key{Class: access.Supervisor, Name: "newcomer"}.Proved(a.Namespace, newcomer).Vouched(a.Namespace, a.Operator)
			edit(a, &k)
			wrong := a.Emit(stated(), access.Admitted{Key: k}).Seq
			a.Begin(newcomer)
			return wrong
		}
	}
	return []Forgery{
		{"a newcomer admits itself", alone(func(_ author, k *access.Key) { k.Operator = signing.Signature{} })},
		{"a newcomer is admitted by a supervisor's signature", alone(func(a author, k *access.Key) { *k = k.Vouched(a.Namespace, a.Supervisor) })},
		{"a newcomer is admitted by the operator of another namespace", alone(func(a author, k *access.Key) { *k = k.Vouched("elsewhere", a.Operator) })},
		{"a newcomer is admitted for longer than the operator said", alone(func(_ author, k *access.Key) { k.Until = historytest.Start * 2 })},
		{"a newcomer of another class seals", alone(func(a author, k *access.Key) {
			*k = access.Key{Class: access.Client, Name: "newcomer"}.Proved(a.Namespace, historytest.Key("newcomer")).Vouched(a.Namespace, a.Operator)
		})},
		{"a newcomer admits another one", func(a author) uint64 {
			k := access.Key{Class: access.Supervisor, Name: "other"}.Proved(a.Namespace, historytest.Key("other")).Vouched(a.Namespace, a.Operator)
			wrong := a.Emit(stated(), access.Admitted{Key: k}).Seq
			a.Begin(historytest.Key("newcomer"))
			return wrong
		}},
		{"a newcomer is admitted after its term began", func(a author) uint64 {
			newcomer := historytest.Key("newcomer")
			a.Begin(newcomer)
			wrong := a.Next() - 1
			a.Emit(stated(), access.Admitted{
				Key: access.Key{Class: access.Supervisor, Name: "newcomer"}.Proved(a.Namespace, newcomer).Vouched(a.Namespace, a.Operator),
			})
			return wrong
		}},
		{"another key is admitted before the term begins", func(a author) uint64 {
			a.Draft.Term++
			return a.admitted(stated(), "late", access.Key{Class: access.Supervisor, Name: "late"})
		}},
	}
}

func ofLosses() []Forgery {
	lost := func(edit func(a author, e *loss.Lost)) func(author) uint64 {
		return func(a author) uint64 {
			before := a.Draft.Term
			a.succeeded()
			seal, _ := a.Evidence(before, 3)
			e := loss.Lost{From: a.LostFrom(before), Seal: seal}
			edit(a, &e)
			return a.Emit(event.Header{Aggregate: event.Aggregate{Kind: event.Log}, Actor: event.BySystem("leader")}, e).Seq
		}
	}
	return []Forgery{
		{"a loss is declared with a seal that nobody signed", lost(func(_ author, e *loss.Lost) { e.Seal.Count++ })},
		{"a loss is declared with a seal of a key that nobody knows", lost(func(_ author, e *loss.Lost) { e.Seal = e.Seal.Sign(historytest.Key("thief")) })},
		{"a loss is declared with a client's seal", lost(func(a author, e *loss.Lost) { e.Seal = e.Seal.Sign(a.Client) })},
		{"a loss is declared from too early on", lost(func(_ author, e *loss.Lost) { e.From-- })},
		{"a loss is declared from too late on", lost(func(_ author, e *loss.Lost) { e.From++ })},
		{"a loss is declared of what the log has", lost(func(a author, e *loss.Lost) { e.Seal = a.Commits[1].Seal })},
		{"a loss is declared of the term that declares it", lost(func(a author, e *loss.Lost) {
			e.Seal, _ = a.Evidence(a.Draft.Term, 3)
			e.From = a.LostFrom(a.Draft.Term)
		})},
		{"a loss is declared with the seal of a revoked key", lost(func(a author, e *loss.Lost) { a.Revoke(e.Seal.Key, "stolen") })},
		{"a loss is declared twice", lost(func(a author, e *loss.Lost) {
			a.DeclareLoss(event.ByRunner("r1"), e.Seal)
		})},
		{"a loss is declared before the term begins", func(a author) uint64 {
			seal, _ := a.Evidence(a.Draft.Term, 3)
			e := loss.Lost{From: a.LostFrom(a.Draft.Term), Seal: seal}
			a.Draft.Term++
			return a.Emit(event.Header{Aggregate: event.Aggregate{Kind: event.Log}, Actor: event.BySystem("leader")}, e).Seq
		}},
	}
}

// ofKeys returns what can be forged about the coming and going of keys, and
// about what a log has lost.
func ofKeys() []Forgery {
	return slices.Concat(ofRotations(), ofRevocations(), ofAPIKeys(), ofNewcomers(), ofLosses())
}
