package door_test

import (
	"bytes"
	"crypto/tls"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/herocode/horus/rpcapi/door"
	"github.com/herocode/horus/rpcapi/door/doortest"
)

// secret is a server that speaks TLS, and whom it is believed by.
type secret struct {
	t       *testing.T
	dir     string
	address string
	log     bytes.Buffer
	cert    *door.Certificate
}

func (s *secret) file(name string) string { return filepath.Join(s.dir, name) }

// issue writes a pair of a new authority.
func (s *secret) issue() {
	s.t.Helper()
	a, err := doortest.NewAuthority()
	if err == nil {
		err = a.Write(s.dir, "s")
	}
	if err != nil {
		s.t.Fatal(err)
	}
}

func newSecret(t *testing.T) *secret {
	t.Helper()
	s := &secret{t: t, dir: t.TempDir()}
	s.issue()
	var err error
	if s.cert, err = door.ReadCertificate(s.file("s.crt"), s.file("s.key"), slog.New(slog.NewTextHandler(&s.log, nil))); err != nil {
		t.Fatal(err)
	}
	l, err := door.Listen(t.Context(), door.Config{Address: "127.0.0.1:0", Certificate: s.cert})
	if err != nil {
		t.Fatal(err)
	}
	server := door.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, tls.VersionName(r.TLS.Version)+" "+r.Proto)
	}), nil)
	go func() { _ = server.Serve(l) }() // until it is closed
	t.Cleanup(func() { server.Close() })
	s.address = l.Addr().String()
	return s
}

// get calls, believing the authority of now.
func (s *secret) get(config *tls.Config) (string, error) {
	s.t.Helper()
	pool, err := door.Authorities(s.file("ca.crt"))
	if err != nil {
		s.t.Fatal(err)
	}
	config.RootCAs = pool
	client := http.Client{Transport: &http.Transport{TLSClientConfig: config, ForceAttemptHTTP2: true}}
	defer client.CloseIdleConnections()
	answer, err := client.Get("https://" + s.address)
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	return string(text), err
}

// TLS 1.3 is spoken with all who can, 1.2 with the others, and nothing older.
func TestVersions(t *testing.T) {
	s := newSecret(t)
	for _, row := range []struct {
		most uint16
		want string
	}{{0, "TLS 1.3 HTTP/1.1"}, {tls.VersionTLS12, "TLS 1.2 HTTP/1.1"}, {tls.VersionTLS11, ""}} {
		got, err := s.get(&tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: row.most})
		if got != row.want || (err != nil) != (row.want == "") {
			t.Errorf("at most %#x: %q %v", row.most, got, err)
		}
	}
}

// A renewed certificate is shown without a restart; half of a renewal is not, and
// the log says why, once.
func TestRenewal(t *testing.T) {
	s := newSecret(t)
	good, err := os.ReadFile(s.file("s.key"))
	if err != nil {
		t.Fatal(err)
	}
	s.issue()
	if err := os.WriteFile(s.file("s.key"), good, 0o600); err != nil { // of another certificate
		t.Fatal(err)
	}
	for range 3 {
		door.Look(s.cert)
		if _, err := s.get(&tls.Config{}); err == nil {
			t.Error("half of a renewal was shown")
		}
	}
	if n := strings.Count(s.log.String(), "cannot be used"); n != 1 {
		t.Errorf("said %d times:\n%s", n, &s.log)
	}
	s.issue()
	door.Look(s.cert)
	if _, err := s.get(&tls.Config{}); err != nil {
		t.Errorf("after the renewal: %v", err)
	}
	if !strings.Contains(s.log.String(), "renewed") {
		t.Errorf("log:\n%s", &s.log)
	}
	if err := os.Remove(s.file("s.crt")); err != nil {
		t.Fatal(err)
	}
	door.Look(s.cert)
	if _, err := s.get(&tls.Config{}); err != nil {
		t.Errorf("with a file gone: %v", err)
	}
}

// What is no certificate is named.
func TestWrongFiles(t *testing.T) {
	s := newSecret(t)
	if err := os.WriteFile(s.file("none"), []byte("none"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, try := range map[string]func() error{
		"no such file":           func() error { _, err := door.ReadCertificate(s.file("absent"), s.file("s.key"), nil); return err },
		"no PEM":                 func() error { _, err := door.ReadCertificate(s.file("none"), s.file("s.key"), nil); return err },
		"no authority":           func() error { _, err := door.Authorities(s.file("none")); return err },
		"no file of authorities": func() error { _, err := door.Authorities(s.file("absent")); return err },
	} {
		if err := try(); err == nil || !strings.Contains(err.Error(), s.dir) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A call without TLS is told so.
func TestCallsInTheClear(t *testing.T) {
	s := newSecret(t)
	plain, err := http.Get("http://" + s.address)
	if err != nil {
		t.Fatal(err)
	}
	defer plain.Body.Close()
	text, err := io.ReadAll(plain.Body)
	if plain.StatusCode != http.StatusBadRequest || !strings.Contains(string(text), "HTTPS") || err != nil {
		t.Errorf("%s %s %v", plain.Status, text, err)
	}
}
