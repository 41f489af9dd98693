package audit

import (
	"context"
	"sync"

	"github.com/herocode/horus/domain/history"
)

// pagesAhead is how many pages are read while one is examined: a store or a file
// answers meanwhile.
const pagesAhead = 2

// ahead reads a source ahead of whoever examines it.
type ahead struct {
	pages   chan answer
	ended   chan struct{}
	running sync.WaitGroup
}

type answer struct {
	raws []history.Raw
	err  error
}

// readAhead begins to read. The source is the reader's until it was stopped.
func readAhead(ctx context.Context, source Source) *ahead {
	a := &ahead{pages: make(chan answer, pagesAhead), ended: make(chan struct{})}
	ctx, cancel := context.WithCancel(ctx)
	a.running.Go(func() {
		defer cancel()
		for {
			raws, err := source.Next(ctx)
			select {
			case a.pages <- answer{raws, err}:
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

// next returns what the source's Next did. It is not called again after an
// error.
func (a *ahead) next() ([]history.Raw, error) {
	page := <-a.pages
	return page.raws, page.err
}

// stop gives the rest up and returns when nothing is read any more.
func (a *ahead) stop() {
	close(a.ended)
	a.running.Wait()
}
