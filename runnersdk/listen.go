package runnersdk

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/history"
	"github.com/herocode/horus/domain/runner"
	"github.com/herocode/horus/domain/signing"
	"github.com/herocode/horus/runnersdk/queue"
)

// joining is how far a process is on its way in.
type joining struct {
	heard  string        // place of the last notice that was read; empty before the first look
	signed runner.Signed // the bundle that asks to join; it never changes
	again  time.Time     // when it is to be sent again
	pause  time.Duration // until the time after that
	look   time.Time     // when new statements are to be looked for, once it joined
	hint   string        // the last refusal that was logged
}

const (
	firstPause = 2 * time.Second // a leader answers in milliseconds when there is one
	lastPause  = 15 * time.Second
)

// listen joins, and hears what the supervisor says. It waits for the first
// notice for so long.
func (r *Runner) listen(ctx context.Context, wait time.Duration) (n int, err error) {
	if err := r.hearModes(ctx); err != nil {
		return 0, err
	}
	j := &r.join
	if j.heard == "" {
		if j.heard, err = r.config.Wire.ControlEnd(ctx, r.config.Runner); err != nil {
			return 0, fmt.Errorf("find the end of the control stream: %w", err)
		}
	}
	if err := r.ask(ctx); err != nil {
		return 0, err
	}
	if err := r.look(ctx); err != nil {
		return 0, err
	}
	notices, err := r.config.Wire.Control(ctx, r.config.Runner, j.heard, wait)
	if err != nil {
		return 0, fmt.Errorf("read the control stream: %w", err)
	}
	for _, n := range notices {
		if err := r.hear(ctx, n.Fields); err != nil {
			return 0, err // it will be read again
		}
		j.heard = n.ID
	}
	return len(notices), nil
}

// ask sends the bundle that joins, when the founding is known and for as long
// as there is no answer. A supervisor that has it already drops it.
func (r *Runner) ask(ctx context.Context) error {
	j := &r.join
	now := r.config.Now()
	if r.joined.Load() || r.stopping.Load() || r.modes.drained() || now.Before(j.again) {
		return nil
	}
	if err := r.trust.reach(ctx, all); err != nil {
		return err
	}
	if err := r.checkOwn(ctx); err != nil {
		return err
	}
	if r.trust.known() == 0 {
		r.hint(ctx, fmt.Sprintf("nobody founded the namespace %s yet: waiting for a supervisor; if yours has another, name it (HORUS_NAMESPACE, --namespace)", r.config.Namespace))
		j.again = now.Add(time.Second)
		return nil
	}
	if j.signed.Doc == nil {
		b := r.bundle(firstNumber)
		b.Reports = []runner.Report{r.joinReport()}
		j.signed, j.pause = b.Sign(r.config.Key), firstPause
	}
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	if err := r.config.Wire.Send(ctx, j.signed); err != nil {
		return fmt.Errorf("ask to join: %w", err)
	}
	j.again, j.pause = now.Add(j.pause), min(2*j.pause, lastPause)
	return nil
}

func (r *Runner) joinReport() runner.Join {
	return runner.Join{Key: r.config.Key.Public(), Kinds: r.config.Kinds, Slots: uint32(r.config.Slots), Seen: r.trust.evidence()} //nolint:gosec // at most runner.MaxSlots
}

// hint logs what keeps the process waiting, once.
func (r *Runner) hint(ctx context.Context, why string) {
	if r.join.hint != why {
		r.join.hint = why
		r.logger.WarnContext(ctx, why)
	}
}

// hear reads one notice. An error means that it could not be judged yet; one
// that is wrong is logged and passed over.
func (r *Runner) hear(ctx context.Context, fields map[string]string) error {
	n, err := r.config.keys().ParseNotice(fields)
	switch {
	case err != nil:
		r.logger.WarnContext(ctx, "passed over a notice that cannot be read", "error", err)
		return nil
	case n.Kind == queue.NoticeStop:
		return r.hearStop(ctx, n.Proof)
	case n.Process != r.config.Process:
		return nil
	case n.Kind == queue.NoticeRefused:
		r.hint(ctx, "the supervisor says, and did not sign it: "+n.Reason)
		r.join.look = time.Time{} // the statements say whether it is right
		return nil
	case n.Kind == queue.NoticeForgotten:
		return r.forgotten(ctx)
	case r.joined.Load():
		return nil
	}
	if err := r.trust.reach(ctx, n.Proof.Seal.Statements); err != nil {
		return err
	}
	joined, err := r.proveJoined(n.Proof)
	if errors.Is(err, errRevoked) {
		// Its leader will only ever show the same again.
		r.logger.WarnContext(ctx, "beginning anew as another process: this one was let in under a key that was revoked since")
		return fatalError{ErrForgotten}
	}
	if err != nil {
		r.logger.WarnContext(ctx, "passed over a notice that proves nothing", "error", err)
		return nil
	}
	r.trust.told()
	r.trust.saw(&n.Proof.Seal)
	r.checker.marks = newMarks(joined, n.Proof.Seal.Term, n.Proof.Seq, r.queues)
	r.joined.Store(true)
	signal(r.hands.freed) // there are slots now
	r.logger.InfoContext(ctx, "joined", "slots", r.config.Slots, "kinds", r.config.Kinds, "key", r.config.Key.Public().ID(),
		"founding", r.trust.fingerprint().String())
	return nil
}

// forgotten ends a process that joined and is not known any more. What it holds
// is stopped: its reports are refused, and its entries will be given to others.
func (r *Runner) forgotten(ctx context.Context) error {
	if !r.joined.Load() {
		return nil
	}
	r.logger.WarnContext(ctx, "the supervisor does not know this process, its history may have lost its end: beginning anew")
	r.stopping.Store(true) // before anything else is taken that nobody would believe
	for _, a := range r.hands.all() {
		r.lose(ctx, a, ErrForgotten.Error())
	}
	return fatalError{ErrForgotten}
}

// proveJoined checks that a proof shows this process' own joining.
func (r *Runner) proveJoined(p signing.Proof) (runner.Joined, error) {
	e, err := r.trust.prove(p)
	if err != nil {
		return runner.Joined{}, err
	}
	joined, ok := e.Data.(runner.Joined)
	own := ok && e.Aggregate == event.Aggregate{Kind: event.Runner, ID: string(r.config.Runner)} &&
		joined.Process == r.config.Process && joined.Key == r.config.Key.Public() &&
		slices.Equal(joined.Kinds, r.config.Kinds) && int(joined.Slots) == r.config.Slots
	if !own {
		return runner.Joined{}, domain.Errorf(domain.Invalid, "joined", "it shows another event than that this process joined")
	}
	return joined, nil
}

// prove checks that an event was sealed here by one who may.
func (t *trust) prove(p signing.Proof) (history.Entry, error) {
	e, err := history.ParseEntry(p.Seq, p.Event)
	if err != nil {
		return e, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	key, err := t.sealer(&p.Seal, e.At)
	switch {
	case err != nil:
		return e, err
	case !t.here(&e):
		return e, domain.Errorf(domain.Invalid, "namespace", "the event is of another place")
	case !t.verifier.Verify(p.Seal.Check(key)):
		return e, errSeal
	}
	return e, p.Check()
}

var errSeal = errors.New("the seal is not of the key that it names")
