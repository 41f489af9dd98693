package audit

import (
	"context"
	"sync"

	"github.com/herocode/horus/domain/history"
)

// pagesAhead is how many pages are read and parsed while one is examined: a
// store or a file answers meanwhile, and other processors do what needs no order.
const pagesAhead = 2

// ahead reads a source ahead of whoever examines it.
type ahead struct {
	pages   chan *answer
	ended   chan struct{}
	running sync.WaitGroup
}

// answer is what the source's Next returned.
type answer struct {
	raws    []history.Raw
	entries []history.Parsed // of raws, when parsed is closed
	parsed  chan struct{}
	err     error
}

func (a *answer) parse() {
	defer close(a.parsed)
	a.entries = make([]history.Parsed, len(a.raws))
	for i, raw := range a.raws {
		a.entries[i] = history.Parse(raw)
	}
}

// readAhead begins to read. The source is the reader's until it was stopped.
func readAhead(ctx context.Context, source Source) *ahead {
	a := &ahead{pages: make(chan *answer, pagesAhead), ended: make(chan struct{})}
	ctx, cancel := context.WithCancel(ctx)
	a.running.Go(func() {
		defer cancel()
		for {
			raws, err := source.Next(ctx)
			page := &answer{raws: raws, parsed: make(chan struct{}), err: err}
			a.running.Go(page.parse)
			select {
			case a.pages <- page:
			case <-a.ended:
				return
			}
			if err != nil {
				return
			}
		}
	})
	a.running.Go(func() { // a read that is under way is given up
		select {
		case <-a.ended:
			cancel()
		case <-ctx.Done():
		}
	})
	return a
}

// next returns what the source's Next did, parsed. It is not called again after
// an error.
func (a *ahead) next() ([]history.Parsed, error) {
	page := <-a.pages
	<-page.parsed
	return page.entries, page.err
}

// stop gives the rest up and returns when nothing is read or parsed any more.
func (a *ahead) stop() {
	close(a.ended)
	a.running.Wait()
}
