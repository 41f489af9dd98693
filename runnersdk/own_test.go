package runnersdk

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/access"
	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/runner"
	"github.com/herocode/horus/runnersdk/queue/queuetest"
)

// A runner whose key is gone, admitted or only used first, ends by itself, says
// why, and stops what it runs: nobody would take its report.
func TestAKeyThatIsGoneEndsTheProcess(t *testing.T) {
	next := queuetest.Key(t, "next")
	revoke := func(w *world) {
		w.State(access.Revoked{Key: w.runner.Public().ID(), Reason: "stolen"})
	}
	for name, c := range map[string]struct {
		admitted bool
		end      func(*world)
		reason   string
		words    string
	}{
		"revoked":                     {admitted: true, end: revoke, reason: "key_revoked", words: `"stolen"`},
		"revoked, and never admitted": {end: revoke, reason: "key_revoked", words: `"stolen"`},
		"ended, after another took its place": {
			admitted: true, reason: "key_ended", words: string(next.Public().ID()),
			end: func(w *world) {
				w.State(access.Rotation(space, w.runner, next, event.At(time.Now().Add(10*time.Second))))
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				w := newWorld(t)
				if c.admitted {
					w.Admit(access.Runner, me, w.runner)
				}
				var told error
				s := w.serve(w.config(&logs{}), longJob(&told))
				w.submit("j1", "p")
				time.Sleep(100 * time.Millisecond)
				s.reports()
				c.end(w)
				time.Sleep(5 * time.Second)
				synctest.Wait()
				if strings.HasPrefix(name, "ended") {
					select {
					case err := <-s.done:
						t.Fatalf("the process ended before its key: %v", err)
					default:
					}
					time.Sleep(10 * time.Second)
					synctest.Wait()
				}
				if !errors.Is(told, ErrLost) {
					t.Errorf("the job that ran was told %v, want that it is lost", told)
				}
				select {
				case err := <-s.done:
					if domain.CodeOf(err) != domain.Forbidden || domain.ReasonOf(err) != c.reason || !strings.Contains(err.Error(), c.words) {
						t.Errorf("run: %v, want the reason %s and %s", err, c.reason, c.words)
					}
				default:
					t.Error("the runner goes on")
					s.stop()
				}
			})
		})
	}
}

func TestARevokedKeyDoesNotAskToJoin(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t)
		w.State(access.Revoked{Key: w.runner.Public().ID()})
		r, err := New(w.config(&logs{}), echo)
		if err != nil {
			t.Fatal(err)
		}
		if err := r.Run(t.Context()); domain.ReasonOf(err) != "key_revoked" {
			t.Errorf("run: %v", err)
		}
		if got := w.reports(); len(got) != 0 {
			t.Errorf("it reported %v", got)
		}
	})
}

// What a supervisor's key sealed that was revoked since lets no job run, and
// lets nobody in.
func TestASupervisorsKeyThatWasRevoked(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		d := begin(t, echo)
		stolen, good := d.Supervisor, queuetest.Key(t, "second")
		d.Admit(access.Supervisor, "s2", good)
		before := d.Assign(queuetest.Sign(queuetest.Document("before", "p"), d.client))
		d.Supervisor, d.Term = good, d.Term+1
		d.State(access.Revoked{Key: stolen.Public().ID()})
		d.put(before)
		d.submit("after", "p")
		d.turn()
		var refused, completed []string
		for _, r := range d.reports() {
			if r, is := r.(runner.Refused); is {
				refused = append(refused, r.Job.String()+" "+r.Reason)
			}
			if r, is := r.(runner.Completed); is {
				completed = append(completed, r.Job.String())
			}
		}
		// Whatever was granted under the revoked key is refused once the runner
		// knows, which it does from the seal of what was granted behind that.
		if len(refused) != 1 || refused[0] != "before "+refusedKey || len(completed) != 1 || completed[0] != "after" {
			t.Errorf("it refused %v and ran %v", refused, completed)
		}
	})
}

func TestAProcessThatWasLetInUnderARevokedKeyBeginsAnew(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t)
		r, err := New(w.config(&logs{}), echo)
		if err != nil {
			t.Fatal(err)
		}
		d := &turns{world: w, Runner: r}
		d.turn()
		welcome := w.Welcome(me, myProcess, runner.Join{Key: w.runner.Public(), Slots: 4})
		stolen, good := w.Supervisor, queuetest.Key(t, "second")
		w.Admit(access.Supervisor, "s2", good)
		w.Supervisor, w.Term = good, w.Term+1
		w.State(access.Revoked{Key: stolen.Public().ID()})
		d.reports()
		time.Sleep(firstPause)
		d.turn() // it asks again, and learns of the statements
		w.notify(welcome)
		if _, err := r.Turn(t.Context()); !errors.Is(err, ErrForgotten) {
			t.Errorf("turn: %v, want that it begins anew", err)
		}
	})
}
