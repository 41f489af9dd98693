package redistest

import (
	"context"
	"errors"
	"net"
	"regexp"
	"strings"
	"testing"
)

func TestChoiceTakesTheFirstWayThereIs(t *testing.T) {
	none := func() (backend, error) { return nil, errors.New("not here") }
	has := func(name string) func() (backend, error) {
		return func() (backend, error) { return remote{name}, nil }
	}
	tests := []struct {
		name   string
		insist string
		ways   []way
		want   backend
		errHas []string
	}{
		{name: "first of two", ways: []way{{"a", has("A")}, {"b", has("B")}}, want: remote{"A"}},
		{name: "second where the first is missing", ways: []way{{"a", none}, {"b", has("B")}}, want: remote{"B"}},
		{name: "the one insisted on", insist: "b", ways: []way{{"a", has("A")}, {"b", has("B")}}, want: remote{"B"}},
		{
			name: "none but the one insisted on", insist: "a", ways: []way{{"a", none}, {"b", has("B")}},
			errHas: []string{"a: not here"},
		},
		{name: "all are named where none is", ways: []way{{"a", none}, {"b", none}}, errHas: []string{"a: not here", "b: not here"}},
		{name: "unknown", insist: "c", ways: []way{{"a", has("A")}}, errHas: []string{"HORUS_TEST_BACKEND=c"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := choose(test.insist, test.ways)
			if got != test.want {
				t.Errorf("chose %v, want %v", got, test.want)
			}
			if (err != nil) != (test.errHas != nil) {
				t.Fatalf("error %v, want one: %v", err, test.errHas != nil)
			}
			for _, part := range test.errHas {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("error %q does not say %q", err, part)
				}
			}
		})
	}
}

func TestSharedServerIsOne(t *testing.T) {
	first, second := Shared(t), Shared(t)
	if first.URL() != second.URL() {
		t.Fatalf("shared servers at %s and %s", first.URL(), second.URL())
	}
	ns := Namespace(t)
	set(t, first, ns+":k", "value")
	if got := get(t, second, ns+":k"); got != "value" {
		t.Errorf("k = %q, want %q", got, "value")
	}
}

func TestSharedServerNeedsSomebodyWhoStopsIt(t *testing.T) {
	var s sharedServer
	if _, err := s.get(t.Context()); err == nil || !strings.Contains(err.Error(), "TestMain") {
		t.Errorf("get outside of Around: %v, want a word on TestMain", err)
	}
}

func TestNamespacesDiffer(t *testing.T) {
	if a, b := Namespace(t), Namespace(t); a == b {
		t.Errorf("both are %s", a)
	}
}

func TestNamespaceIsAName(t *testing.T) {
	const unique = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	valid := regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,63}$`)
	tests := map[string]string{
		"TestX":                          "t-abcdefghijkl-testx",
		"TestX/a_b c":                    "t-abcdefghijkl-testx-a-b-c",
		"TestÄ/日本":                       "t-abcdefghijkl-test",
		"Test" + strings.Repeat("y", 90): "t-abcdefghijkl-test" + strings.Repeat("y", 28),
	}
	for test, want := range tests {
		got := namespaceFor(test, unique)
		if got != want || !valid.MatchString(got) {
			t.Errorf("namespace of %q is %q, want %q", test, got, want)
		}
	}
}

func TestRemoteServerIsUsedAndLeftAlone(t *testing.T) {
	theirs := Start(t, Options{})
	r := remote{theirs.URL()}
	set(t, theirs, "somebody:k", "value")
	set(t, theirs, "mine:k", "value")
	if err := r.forget(t.Context(), "mine"); err != nil {
		t.Fatalf("forget: %v", err)
	}
	if got := theirs.Client().Exists(t.Context(), "mine:k").Val(); got != 0 {
		t.Error("the test's key stays")
	}
	if got := get(t, theirs, "somebody:k"); got != "value" {
		t.Errorf("somebody's key is %q", got)
	}
	in, err := r.launch(t.Context(), Options{})
	if err != nil {
		t.Fatalf("use it: %v", err)
	}
	for what, err := range map[string]error{
		"kill":      in.signal(t.Context(), sigKill),
		"restart":   in.restart(t.Context()),
		"read":      second(in.readFile(t.Context(), rdbFile)),
		"write":     in.writeFiles(t.Context(), nil),
		"configure": second(r.launch(t.Context(), Options{AOF: Always})),
	} {
		if !errors.Is(err, errNotOurs) {
			t.Errorf("%s: %v, want a refusal", what, err)
		}
	}
}

func TestRemoteServerHidesItsPassword(t *testing.T) {
	if got := (remote{"redis://user:secret@host:1/0"}).String(); strings.Contains(got, "secret") {
		t.Errorf("it is called %s", got)
	}
}

// Two test binaries may pick the same port: the slower one picks again.
func TestTakenPortIsPickedAgain(t *testing.T) {
	onEach(t, func(t *testing.T, _ string, b backend) {
		taken, err := net.Listen("tcp", loopback(0))
		if err != nil {
			t.Fatal(err)
		}
		defer taken.Close()
		port := taken.Addr().(*net.TCPAddr).Port
		switch b := b.(type) {
		case *containers:
			_, err = b.run(t.Context(), Options{}, port)
		case program:
			in := &processInstance{program: string(b), dir: t.TempDir(), port: port}
			err = in.start(t.Context())
		}
		if !errors.Is(err, errPortTaken) {
			t.Errorf("start on a taken port: %v, want %v", err, errPortTaken)
		}
	})
	tries := 0
	err := onFreePort(func(int) error {
		if tries++; tries < 3 {
			return errPortTaken
		}
		return nil
	})
	if err != nil || tries != 3 {
		t.Errorf("%d tries and %v, want 3 and none", tries, err)
	}
}

func second[T any](_ T, err error) error { return err }

func TestWaitEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	why, last := errors.New("it ended"), errors.New("it starts")
	calls := 0
	err := until(ctx, func() error {
		if calls++; calls == 3 {
			cancel(why)
		}
		return last
	})
	if !errors.Is(err, why) || !errors.Is(err, last) {
		t.Errorf("wait: %v, want %v and %v", err, why, last)
	}
}
