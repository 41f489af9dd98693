package access_test

import (
	"bytes"
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/access"
	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/signing"
)

const (
	noon = event.Time(1767355200_000000) // 2026-01-02T12:00:00Z
	hour = event.Time(3600_000000)
)

// key makes the private key of a number.
func key(t testing.TB, n byte) signing.PrivateKey {
	t.Helper()
	k, err := signing.GenerateKey(bytes.NewReader(bytes.Repeat([]byte{n}, 32)))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// ecKey is [key] of the algorithm that clients alone may use.
func ecKey(t testing.TB, n byte) signing.PrivateKey {
	t.Helper()
	k, err := signing.GenerateSecp256k1(bytes.NewReader(bytes.Repeat([]byte{n}, 32)))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func founding(t testing.TB) access.Founded {
	t.Helper()
	return access.Founded{
		Namespace: "horus", Partitions: 1, Supervisor: "s1",
		Key: key(t, 1).Public(), Operator: key(t, 2).Public(),
	}
}

// proved fills in who k is and the proof that its holder asks.
func proved(k access.Key, private signing.PrivateKey) access.Key {
	k.Public = private.Public()
	k.Proof = private.Sign(access.AdmissionText("horus", k))
	return k
}

// after folds events into s and fails when one of them could not have followed.
func after(t testing.TB, s access.State, at event.Time, events ...access.Event) access.State {
	t.Helper()
	for _, e := range events {
		f := event.Fact[access.Event]{Data: e, Version: s.Statements + 1, At: at}
		if err := access.Legal(s, f); err != nil {
			t.Fatalf("%s after %d statements: %v", e.EventName(), s.Statements, err)
		}
		s = access.Evolve(s, f)
	}
	return s
}

// founded is a namespace with a client's key 3 and a runner's key 4.
func founded(t testing.TB) access.State {
	t.Helper()
	return after(t, access.State{}, noon, founding(t),
		access.Admitted{Key: proved(access.Key{Class: access.Client, Name: "web"}, key(t, 3))},
		access.Admitted{Key: proved(access.Key{Class: access.Runner, Name: "r1", Kinds: []domain.Name{"sh", "sal"}, Until: noon + hour}, key(t, 4))},
	)
}

func TestFounding(t *testing.T) {
	change := func(edit func(*access.Founded)) access.Found {
		f := founding(t)
		edit(&f)
		return access.Found{Founded: f}
	}
	tests := []struct {
		name   string
		given  access.State
		when   access.Found
		then   int
		reason string
	}{
		{name: "an empty namespace is founded", when: change(func(*access.Founded) {}), then: 1},
		{name: "a founded namespace stays as it is", given: founded(t), when: change(func(f *access.Founded) { f.Partitions = 7 })},
		{name: "one key cannot be of two classes", when: change(func(f *access.Founded) { f.Operator = f.Key }), reason: "key"},
		{name: "a founding needs a supervisor's key", when: change(func(f *access.Founded) { f.Key = signing.PublicKey{} }), reason: "key"},
		{name: "a founding needs an operator's key", when: change(func(f *access.Founded) { f.Operator = signing.PublicKey{} }), reason: "key"},
		{name: "a founding needs a partition", when: change(func(f *access.Founded) { f.Partitions = 0 }), reason: "partitions"},
		{name: "a namespace has a good name", when: change(func(f *access.Founded) { f.Namespace = "Horus" }), reason: "name"},
		{name: "a supervisor has a name", when: change(func(f *access.Founded) { f.Supervisor = "" }), reason: "name"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			events, err := access.Decide(tt.given, tt.when)
			if domain.ReasonOf(err) != tt.reason || len(events) != tt.then {
				t.Fatalf("%d events, %v; want %d and the reason %q", len(events), err, tt.then, tt.reason)
			}
			after(t, tt.given, noon, events...)
		})
	}
}

func TestAdmission(t *testing.T) {
	many := make([]domain.Name, 17)
	for i := range many {
		many[i] = domain.Name(fmt.Sprintf("k%d", i))
	}
	stolen := proved(access.Key{Class: access.Client, Name: "eve"}, key(t, 9))
	stolen.Public = key(t, 8).Public()
	renamed := proved(access.Key{Class: access.Client, Name: "eve"}, key(t, 9))
	renamed.Name = "web2"
	reclassed := proved(access.Key{Class: access.Client, Name: "eve"}, key(t, 9))
	reclassed.Class = access.Supervisor
	elsewhere := access.Key{Class: access.Client, Name: "eve", Public: key(t, 9).Public()}
	elsewhere.Proof = key(t, 9).Sign(access.AdmissionText("other", elsewhere))
	unproved := access.Key{Class: access.Client, Name: "eve", Public: key(t, 9).Public()}

	tests := []struct {
		name   string
		key    access.Key
		at     event.Time
		then   int
		code   domain.Code
		reason string
	}{
		{name: "a client", key: proved(access.Key{Class: access.Client, Name: "app"}, key(t, 9)), then: 1},
		{name: "a client of secp256k1", key: proved(access.Key{Class: access.Client, Name: "app"}, ecKey(t, 9)), then: 1},
		{name: "a runner of secp256k1", key: proved(access.Key{Class: access.Runner, Name: "r9"}, ecKey(t, 9)), code: domain.Invalid, reason: "key"},
		{name: "a supervisor of secp256k1", key: proved(access.Key{Class: access.Supervisor, Name: "s9"}, ecKey(t, 9)), code: domain.Invalid, reason: "key"},
		{name: "an operator of secp256k1", key: proved(access.Key{Class: access.Operator, Name: "op9"}, ecKey(t, 9)), code: domain.Invalid, reason: "key"},
		{name: "a second supervisor", key: proved(access.Key{Class: access.Supervisor, Name: "s2"}, key(t, 9)), then: 1},
		{name: "a second operator", key: proved(access.Key{Class: access.Operator, Name: "op2"}, key(t, 9)), then: 1},
		{name: "a runner of no kind", key: proved(access.Key{Class: access.Runner, Name: "r9"}, key(t, 9)), then: 1},
		{name: "a runner of sixteen kinds", key: proved(access.Key{Class: access.Runner, Name: "r9", Kinds: many[:16]}, key(t, 9)), then: 1},
		{name: "a second key of one name", key: proved(access.Key{Class: access.Client, Name: "web"}, key(t, 9)), then: 1},
		{name: "a key until this very moment", key: proved(access.Key{Class: access.Client, Name: "app", Until: noon}, key(t, 9)), at: noon, then: 1},

		{name: "the same again", key: proved(access.Key{Class: access.Client, Name: "web"}, key(t, 3))},
		{
			name: "the same again after its end", at: noon + 2*hour,
			key: proved(access.Key{Class: access.Runner, Name: "r1", Kinds: []domain.Name{"sh", "sal"}, Until: noon + hour}, key(t, 4)),
		},
		{name: "a client's key for a runner", key: proved(access.Key{Class: access.Runner, Name: "web"}, key(t, 3)), code: domain.Conflict, reason: "key_taken"},
		{name: "the founding key for a client", key: proved(access.Key{Class: access.Client, Name: "s1"}, key(t, 1)), code: domain.Conflict, reason: "key_taken"},
		{name: "the operator's key for a supervisor", key: proved(access.Key{Class: access.Supervisor, Name: "s2"}, key(t, 2)), code: domain.Conflict, reason: "key_taken"},
		{name: "a known key under another name", key: proved(access.Key{Class: access.Client, Name: "app"}, key(t, 3)), code: domain.Conflict, reason: "key_taken"},
		{name: "a known key for more kinds", key: proved(access.Key{Class: access.Runner, Name: "r1", Kinds: []domain.Name{"sh", "sal", "hero"}, Until: noon + hour}, key(t, 4)), code: domain.Conflict, reason: "key_taken"},
		{name: "a known key for longer", key: proved(access.Key{Class: access.Runner, Name: "r1", Kinds: []domain.Name{"sh", "sal"}}, key(t, 4)), code: domain.Conflict, reason: "key_taken"},

		{name: "without a proof", key: unproved, code: domain.Invalid, reason: "key"},
		{name: "with the proof of another key", key: stolen, code: domain.Invalid, reason: "key"},
		{name: "with the proof of another name", key: renamed, code: domain.Invalid, reason: "key"},
		{name: "with the proof of another class", key: reclassed, code: domain.Invalid, reason: "key"},
		{name: "with the proof for another namespace", key: elsewhere, code: domain.Invalid, reason: "key"},
		{name: "no key at all", key: access.Key{Class: access.Client, Name: "app"}, code: domain.Invalid, reason: "key"},
		{name: "a class that is none", key: proved(access.Key{Class: "root", Name: "app"}, key(t, 9)), code: domain.Invalid, reason: "class"},
		{name: "a name that is none", key: proved(access.Key{Class: access.Client, Name: "App"}, key(t, 9)), code: domain.Invalid, reason: "name"},
		{name: "a kind that is none", key: proved(access.Key{Class: access.Runner, Name: "r9", Kinds: []domain.Name{"sh", "*"}}, key(t, 9)), code: domain.Invalid, reason: "name"},
		{name: "a client with kinds", key: proved(access.Key{Class: access.Client, Name: "app", Kinds: many[:1]}, key(t, 9)), code: domain.Invalid, reason: "kinds"},
		{name: "a runner of seventeen kinds", key: proved(access.Key{Class: access.Runner, Name: "r9", Kinds: many}, key(t, 9)), code: domain.Invalid, reason: "kinds"},
		{name: "a key that ended", key: proved(access.Key{Class: access.Client, Name: "app", Until: noon}, key(t, 9)), at: noon + 1, code: domain.Invalid, reason: "until"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := founded(t)
			events, err := access.Decide(s, access.Admit{Key: tt.key, At: tt.at})
			if domain.ReasonOf(err) != tt.reason || err != nil && domain.CodeOf(err) != tt.code || len(events) != tt.then {
				t.Fatalf("%d events, %v; want %d and the reason %q", len(events), err, tt.then, tt.reason)
			}
			after(t, s, tt.at, events...)
			legal := access.Legal(s, event.Fact[access.Event]{Data: access.Admitted{Key: tt.key}, Version: s.Statements + 1, At: tt.at})
			if illegal := tt.then == 0; illegal != (domain.ReasonOf(legal) == "illegal") {
				t.Errorf("an auditor says %v", legal)
			}
		})
	}
}

func TestNobodyIsAdmittedBeforeTheFounding(t *testing.T) {
	k := access.Key{Class: access.Client, Name: "web", Public: key(t, 3).Public()}
	k.Proof = key(t, 3).Sign(access.AdmissionText("", k))
	if events, err := access.Decide(access.State{}, access.Admit{Key: k}); domain.ReasonOf(err) != "not_founded" {
		t.Errorf("%d events, %v; want a refusal", len(events), err)
	}
	// A fold reads facts and refuses none, whoever wrote them.
	s := access.Evolve(access.State{}, event.Fact[access.Event]{Data: access.Admitted{Key: k}, Version: 1})
	if _, ok := s.Key(access.Client, k.Public.ID(), noon); !ok {
		t.Error("the fold forgot a key")
	}
}

// Once the namespace was full, a client that repeated an admission whose answer
// it had lost was told that there is no room, though its key was in.
func TestAFullNamespaceStillKnowsItsKeys(t *testing.T) {
	s := founded(t)
	for n := len(s.Keys()); n < access.MaxKeys; n++ {
		seed := bytes.Repeat([]byte{byte(n), byte(n >> 8), 1, 2}, 8)
		private, err := signing.GenerateKey(bytes.NewReader(seed))
		if err != nil {
			t.Fatal(err)
		}
		s = access.Evolve(s, event.Fact[access.Event]{
			Data: access.Admitted{Key: access.Key{Class: access.Client, Name: "app", Public: private.Public()}}, Version: s.Statements + 1,
		})
	}
	_, err := access.Decide(s, access.Admit{Key: proved(access.Key{Class: access.Client, Name: "late"}, key(t, 9)), At: noon})
	if domain.CodeOf(err) != domain.TooLarge {
		t.Errorf("one key more: %v, want too large", err)
	}
	events, err := access.Decide(s, access.Admit{Key: proved(access.Key{Class: access.Client, Name: "web"}, key(t, 3)), At: noon})
	if err != nil || len(events) != 0 {
		t.Errorf("the same again: %d events, %v", len(events), err)
	}
}

func TestLegalRefusesStatementsOutOfTurn(t *testing.T) {
	client := access.Admitted{Key: proved(access.Key{Class: access.Client, Name: "app"}, key(t, 9))}
	for name, tt := range map[string]struct {
		given access.State
		fact  event.Fact[access.Event]
	}{
		"a second founding":         {founded(t), event.Fact[access.Event]{Data: founding(t), Version: 4}},
		"a number again":            {founded(t), event.Fact[access.Event]{Data: client, Version: 3}},
		"a number left out":         {founded(t), event.Fact[access.Event]{Data: client, Version: 5}},
		"an admission first":        {access.State{}, event.Fact[access.Event]{Data: client, Version: 1}},
		"a founding that is second": {access.State{}, event.Fact[access.Event]{Data: founding(t), Version: 2}},
	} {
		if err := access.Legal(tt.given, tt.fact); domain.CodeOf(err) != domain.Halted || domain.ReasonOf(err) != "illegal" {
			t.Errorf("%s: %v, want an illegal transition", name, err)
		}
	}
}

func TestAKeyHoldsForItsClassUntilItsEnd(t *testing.T) {
	s := founded(t)
	for _, tt := range []struct {
		name  string
		class access.Class
		key   byte
		at    event.Time
		want  bool
	}{
		{"the founding key seals", access.Supervisor, 1, noon, true},
		{"the operator's key is an operator's", access.Operator, 2, noon, true},
		{"the client's key signs jobs", access.Client, 3, noon + 1000*hour, true},
		{"the runner's key signs bundles", access.Runner, 4, noon, true},
		{"and does so at its last instant", access.Runner, 4, noon + hour, true},
		{"and no later", access.Runner, 4, noon + hour + 1, false},
		{"the founding key signs no job", access.Client, 1, noon, false},
		{"the operator's key does not seal", access.Supervisor, 2, noon, false},
		{"the client's key does not seal", access.Supervisor, 3, noon, false},
		{"nobody knows another", access.Client, 9, noon, false},
	} {
		k, ok := s.Key(tt.class, key(t, tt.key).Public().ID(), tt.at)
		if ok != tt.want || ok && k.Public != key(t, tt.key).Public() {
			t.Errorf("%s: %v, want %v", tt.name, ok, tt.want)
		}
	}
}

func TestARunnersKeyServesItsIDAndKinds(t *testing.T) {
	s := founded(t)
	for _, tt := range []struct {
		name  string
		id    domain.Name
		key   byte
		kinds []domain.Name
		at    event.Time
		want  bool
	}{
		{"its id", "r1", 4, nil, noon, true},
		{"its kinds", "r1", 4, []domain.Name{"sal", "sh"}, noon, true},
		{"another kind", "r1", 4, []domain.Name{"sh", "hero"}, noon, false},
		{"another id", "r2", 4, nil, noon, false},
		{"after its end", "r1", 4, nil, noon + hour + 1, false},
		{"a client of that name", "web", 3, nil, noon, false},
	} {
		if got := s.MayServe(tt.id, key(t, tt.key).Public().ID(), tt.kinds, tt.at); got != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}

func TestEvolveLeavesTheEarlierStateAlone(t *testing.T) {
	before := founded(t)
	keys := before.Keys()
	later := after(t, before, noon, access.Admitted{Key: proved(access.Key{Class: access.Client, Name: "app"}, key(t, 9))})
	if diff := cmp.Diff(keys, before.Keys(), cmp.Comparer(func(a, b signing.PublicKey) bool { return a == b })); diff != "" || before.Statements != 3 {
		t.Errorf("the earlier state changed: %s", diff)
	}
	if len(later.Keys()) != len(keys)+1 || later.Statements != 4 {
		t.Errorf("the later state has %d keys and %d statements", len(later.Keys()), later.Statements)
	}
}

func TestKeysAreSortedByClassAndName(t *testing.T) {
	var got []string
	for _, k := range founded(t).Keys() {
		got = append(got, string(k.Class)+" "+string(k.Name))
	}
	if want := []string{"client web", "operator operator", "runner r1", "supervisor s1"}; !slices.Equal(got, want) {
		t.Errorf("keys %q, want %q", got, want)
	}
}

func names(words ...domain.Name) []domain.Name { return words }
