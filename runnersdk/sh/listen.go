package sh

import (
	"bytes"
	"errors"
	"os"
	"sync"
	"time"
)

// listener reads both outputs of a script and delivers them as lines.
//
// One goroutine a stream reads as fast as the script writes and keeps what is
// to be kept; another one calls Output. So a slow Output holds up neither the
// script nor the reading of its last words.
type listener struct {
	stdout, stderr *stream

	wake   chan struct{} // there is something to deliver; closed after the last of it
	silent chan struct{} // closed when nothing more can be read
	done   chan struct{} // closed when all is delivered
}

// stream is one output of a script on its way from the pipe to the lines.
type stream struct {
	r, w     *os.File
	captured *capture // of the reader, then of whoever saw done
	lines    lines    // of the deliverer

	mu sync.Mutex

	ahead []byte // read, to be delivered as soon as possible
	room  int    // bytes that ahead may still take in this run
	tail  tail   // what came when there was no more room
}

func listen(r Runner, output func(Stream, string)) (*listener, error) {
	if output == nil {
		output = func(Stream, string) {}
	}
	stdout, err := newStream(r, r.MaxResult, func(line string) { output(Stdout, line) })
	if err != nil {
		return nil, err
	}
	stderr, err := newStream(r, maxStderr, func(line string) { output(Stderr, line) })
	if err != nil {
		return nil, errors.Join(err, stdout.r.Close(), stdout.w.Close())
	}
	return &listener{
		stdout: stdout,
		stderr: stderr,
		wake:   make(chan struct{}, 1),
		silent: make(chan struct{}),
		done:   make(chan struct{}),
	}, nil
}

func newStream(r Runner, maxText int, emit func(string)) (*stream, error) {
	read, write, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	return &stream{
		r:        read,
		w:        write,
		captured: newCapture(maxText),
		lines:    lines{max: r.MaxLine, emit: emit},
		room:     r.MaxOutput / 2,
		tail:     tail{max: r.MaxOutput - r.MaxOutput/2},
	}, nil
}

func (l *listener) streams() []*stream { return []*stream{l.stdout, l.stderr} }

// abandon closes everything: nothing was started.
func (l *listener) abandon() {
	for _, s := range l.streams() {
		_ = s.w.Close()
		_ = s.r.Close()
	}
}

// start begins to read and to deliver. The script has its own copies of the
// writing ends; ours must go, or the pipes would never end.
func (l *listener) start() {
	var readers sync.WaitGroup
	for _, s := range l.streams() {
		_ = s.w.Close()
		readers.Go(func() { s.read(l.wake) })
	}
	go func() {
		readers.Wait()
		close(l.silent)
		close(l.wake)
	}()
	go l.deliver()
}

// finish returns when all is delivered. Called when the group is dead, it gives
// the readers some time for what is still in the pipes: only a process that
// left the group can hold them open for longer.
func (l *listener) finish(drain time.Duration) {
	for _, s := range l.streams() {
		_ = s.r.SetReadDeadline(time.Now().Add(drain))
	}
	<-l.done
	for _, s := range l.streams() {
		_ = s.r.Close()
	}
}

func (l *listener) deliver() {
	defer close(l.done)
	for range l.wake {
		for _, s := range l.streams() {
			s.lines.write(s.take())
		}
	}
	for _, s := range l.streams() {
		s.deliverRest()
	}
}

// read reads until the end of the pipe, or the deadline that finish sets.
func (s *stream) read(wake chan<- struct{}) {
	buf := make([]byte, 32<<10)
	for {
		n, err := s.r.Read(buf)
		s.captured.write(buf[:n])
		s.keep(buf[:n])
		select {
		case wake <- struct{}{}:
		default: // it will look at everything anyhow
		}
		if err != nil {
			return
		}
	}
}

func (s *stream) keep(b []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := min(len(b), s.room)
	s.room -= n
	s.ahead = append(s.ahead, b[:n]...)
	s.tail.write(b[n:])
}

func (s *stream) take() []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.ahead
	s.ahead = nil
	return b
}

// deliverRest delivers what could not be delivered while the script ran.
func (s *stream) deliverRest() {
	s.lines.write(s.take())
	rest := s.tail.bytes()
	if cut := s.tail.dropped(); cut > 0 {
		skip := lineStart(rest, s.lines.max)
		s.lines.close()
		s.lines.emit(mark(cut + int64(skip)))
		rest = rest[skip:]
	}
	s.lines.write(rest)
	s.lines.close()
}

// lineStart returns where the first whole line of b begins; 0 if that is not
// within limit, or if it is the end of b.
func lineStart(b []byte, limit int) int {
	n := bytes.IndexByte(b[:min(limit, len(b))], '\n') + 1
	if n == len(b) {
		return 0
	}
	return n
}
