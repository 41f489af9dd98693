package sim

import (
	"time"

	"github.com/herocode/horus/domain"
)

// clientPatience is how long a client waits for an answer.
const clientPatience = 5 * time.Second

// final reports whether asking again cannot help.
func final(err error) bool {
	switch domain.CodeOf(err) {
	case domain.Conflict, domain.Invalid, domain.Forbidden, domain.Unauthenticated, domain.TooLarge, domain.Expired:
		return true
	default:
		return false
	}
}

// ask has some supervisor do something and waits for its answer, for as long as
// its patience lasts.
func ask[T any](p *process, name, about string, do func(*supervisor) (T, error)) (T, error) {
	w := p.world
	t := p.here()
	turn := t.turn
	s := w.supervisors[w.random.IntN(len(w.supervisors))]
	got := answer[T]{err: errNoAnswer}
	answers := func(a answer[T]) {
		w.after(w.latency(), func() {
			if t.turn == turn {
				got = a
				w.run(t)
			}
		})
	}
	fault, there := w.fate(once)
	if fault != "" {
		w.counts[fault]++
		w.story.tell(about, p.name, "%s from %s: %s", name, s.name, fault)
	}
	w.after(there, func() {
		switch {
		case fault == LostRequest || fault == RefusedWrite:
		case !s.alive:
			answers(answer[T]{err: errDown})
		default:
			s.spawn(func() {
				value, err := do(s)
				if fault != LostAnswer && fault != LateRequest {
					answers(answer[T]{value, err})
				}
			})
		}
	})
	w.wakeAfter(clientPatience, t)
	t.park()
	return got.value, got.err
}
