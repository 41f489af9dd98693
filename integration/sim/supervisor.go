package sim

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/herocode/horus/cmd/node"
	"github.com/herocode/horus/cmd/statedir"
	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/signing"
	"github.com/herocode/horus/handlers/intake"
	"github.com/herocode/horus/projections/jobs"
	"github.com/herocode/horus/runnersdk/queue"
)

const (
	namespace = "horus"
	lease     = 3 * time.Second // of an attempt
)

func keys() queue.Keys { return queue.Keys{Namespace: namespace} }

// Key makes the key of a name: the same in every run.
func Key(name string) signing.PrivateKey {
	h := fnv.New64a()
	_, _ = h.Write([]byte(name)) // never fails
	seed := bytes.Repeat(binary.BigEndian.AppendUint64(nil, h.Sum64()), 4)
	key, err := signing.GenerateKey(bytes.NewReader(seed))
	if err != nil {
		panic(err) // there are 32 bytes
	}
	return key
}

// directory is a state directory: it outlives its process.
type directory struct {
	name  string
	files map[statedir.File]string
	pin   signing.Hash
}

var _ node.State = (*directory)(nil)

// Key implements [node.State].
func (d *directory) Key(_ domain.Name, file statedir.File) (signing.PrivateKey, error) {
	if file == statedir.OperatorKey {
		return Key("operator"), nil
	}
	return Key(d.name), nil
}

// Load implements [node.State].
func (d *directory) Load(ns domain.Name, file statedir.File) (signing.PrivateKey, error) {
	if file != statedir.SupervisorKey {
		return signing.PrivateKey{}, os.ErrNotExist
	}
	return d.Key(ns, file)
}

// Succeed implements [node.State]: no key succeeds another here.
func (d *directory) Succeed(domain.Name, statedir.File) error { return os.ErrNotExist }

// Remove implements [node.State].
func (d *directory) Remove(_ domain.Name, file statedir.File) error {
	delete(d.files, file)
	return nil
}

// Read implements [node.State].
func (d *directory) Read(_ domain.Name, file statedir.File) (string, error) {
	text, ok := d.files[file]
	if !ok {
		return "", fmt.Errorf("read %s: %w", file, os.ErrNotExist)
	}
	return text, nil
}

// Write implements [node.State].
func (d *directory) Write(_ domain.Name, file statedir.File, text string) error {
	d.files[file] = text
	return nil
}

// Create implements [node.State].
func (d *directory) Create(ns domain.Name, file statedir.File, text string) error {
	return d.Write(ns, file, text)
}

// Pinned implements [node.State].
func (d *directory) Pinned(domain.Name) (signing.Hash, error) { return d.pin, nil }

// Pin implements [node.State].
func (d *directory) Pin(_ domain.Name, founding signing.Hash) error {
	d.pin = founding
	return nil
}

// Path implements [node.State].
func (d *directory) Path(_ domain.Name, file statedir.File) string { return string(file) }

// String implements [node.State].
func (d *directory) String() string { return d.name }

// supervisor is one of those who may lead.
type supervisor struct {
	*process
	state  *directory
	member *node.Member
	reader *jobs.Reader
	stop   context.CancelFunc
	leaves bool // it was told to stop
}

func (w *World) newSupervisor(name string) *supervisor {
	s := &supervisor{process: w.newProcess(name), state: &directory{name: name, files: map[statedir.File]string{}}}
	w.supervisors = append(w.supervisors, s)
	return s
}

// start starts the program.
func (s *supervisor) start() {
	w, p := s.world, s.process
	p.alive, s.leaves = true, false
	parts := node.Parts{
		Scene: p, Store: w.options.Break.store(p), Syncer: w.options.Break.syncer(p), Views: w.options.Break.views(p), Verifier: w.hall.verifier,
		Inbox:      func(term uint64) intake.Inbox { return inbox{p, term} },
		Deliveries: deliveries{p}, Pulses: pulses{p},
	}
	member, err := node.NewMember(node.Config{
		Namespace: namespace, Name: domain.Name(s.name), State: s.state, Lease: lease, Log: slog.New(recorder{p, ""}),
	}, parts)
	if err != nil {
		w.fail("", "%s cannot start: %v", s.name, err)
		return
	}
	s.member = member
	s.reader = &jobs.Reader{Views: tables{p}, Log: log{p}, Namespace: namespace}
	ctx, stop := context.WithCancel(context.Background())
	s.stop = stop
	p.spawn(func() {
		err := member.Lead(ctx)
		switch {
		case err != nil:
			w.fail("", "%s gives up: %v", s.name, err)
		case !s.leaves:
			w.fail("", "%s stopped leading for no reason", s.name)
		}
		w.story.tell("", s.name, "ends")
		w.after(0, p.crash) // nothing of it is left
	})
}

// leave tells the program to stop, as an administrator does.
func (s *supervisor) leave() {
	s.leaves = true
	s.stop()
	s.look()
}

// leads reports whether it leads.
func (s *supervisor) leads() bool {
	return s.alive && s.member.Leader().Access().Statements > 0
}

// recorder makes a program's log part of the story.
type recorder struct {
	p    *process
	with string
}

// Enabled implements [slog.Handler].
func (r recorder) Enabled(context.Context, slog.Level) bool { return true }

// Handle implements [slog.Handler].
func (r recorder) Handle(_ context.Context, rec slog.Record) error {
	if !r.p.alive {
		return nil // the last words of what a crash ends
	}
	about := ""
	rec.Attrs(func(a slog.Attr) bool {
		if a.Key == "job" {
			about = a.Value.String()
		}
		return true
	})
	r.p.world.story.tell(about, r.p.name, "says: %s%s", said{rec.Clone()}, r.with)
	loss := r.p.world.ledger.rolled > 0 && strings.Contains(rec.Message, "lost the end of the log")
	hangs := r.p.world.counts[HungHandler] > 0 && strings.Contains(rec.Message, "a handler goes on although its context ended")
	if rec.Level >= slog.LevelError && !loss && !hangs { // nobody tampered, so there is nothing to look at
		r.p.world.fail(about, "%s asks for help: %s", r.p.name, said{rec})
	}
	return nil
}

// said is a record in words.
type said struct{ slog.Record }

// String returns the message and its attributes.
func (s said) String() string {
	var b strings.Builder
	b.WriteString(s.Message)
	s.Attrs(func(a slog.Attr) bool {
		b.WriteString(" " + a.String())
		return true
	})
	return b.String()
}

// WithAttrs implements [slog.Handler].
func (r recorder) WithAttrs(attrs []slog.Attr) slog.Handler {
	for _, a := range attrs {
		r.with += " " + a.String()
	}
	return r
}

// WithGroup implements [slog.Handler].
func (r recorder) WithGroup(string) slog.Handler { return r }
