package audit

import (
	"bufio"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"math"
	"unicode/utf8"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/fixedjson"
	"github.com/herocode/horus/domain/history"
)

// An export is lines of JSON, each in one spelling. The first says what the
// file is; every other is an entry of the log, in order.
//
//	{"horus_log":1,"namespace":"horus","partition":0,"end":2}
//	{"seq":1,"event":{"v":1,"ns":"horus",…}}
//	{"seq":2,"seal":"1.1700000000.1.2.…","event":{…}}
//
// An event's bytes stand in its line as they are. Those that cannot stand in a
// line, because a client's document in them has line breaks, are written
// "raw":"…" in standard base64 instead.

// Limits of a line.
const (
	maxSealBytes = 1024 // far above any seal
	maxLineBytes = (event.MaxBytes+2)/3*4 + maxSealBytes + 128
)

// File is an export as it is read. It is a [Source].
type File struct {
	Namespace domain.Name
	Partition uint16

	end, at uint64
	lines   *bufio.Reader
}

// Open reads the first line of an export. Errors have [domain.Invalid] and the
// reason export when it is none.
func Open(r io.Reader) (*File, error) {
	f := &File{lines: bufio.NewReaderSize(r, 64<<10)}
	line, err := f.line()
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("open export: %w", err)
	}
	h := fixedjson.NewReader(line)
	h.Literal(`{"horus_log":1,"namespace":`)
	f.Namespace = fixedjson.Parsed(h, domain.ParseName)
	h.Literal(`,"partition":`)
	partition := h.Uint()
	h.Literal(`,"end":`)
	f.end = h.Uint()
	h.Literal(`}`)
	if h.End() != nil || partition > math.MaxUint16 {
		return nil, domain.Errorf(domain.Invalid, "export", "not a log that was exported by this version of Horus")
	}
	f.Partition = uint16(partition)
	return f, nil
}

func appendHeader(dst []byte, namespace domain.Name, partition uint16, end uint64) []byte {
	dst = fixedjson.AppendString(append(dst, `{"horus_log":1,"namespace":`...), string(namespace))
	dst = fixedjson.AppendUint(append(dst, `,"partition":`...), uint64(partition))
	dst = fixedjson.AppendUint(append(dst, `,"end":`...), end)
	return append(dst, "}\n"...)
}

// End is the place of the last entry, by the file's first line.
func (f *File) End() uint64 { return f.end }

// Next reads up to a page of entries. A file that is not whole ends with
// another error than [io.EOF].
func (f *File) Next(ctx context.Context) ([]history.Raw, error) {
	raws := make([]history.Raw, 0, page)
	for len(raws) < page {
		raw, err := f.next()
		if err != nil {
			return raws, err
		}
		raws = append(raws, raw)
	}
	return raws, ctx.Err()
}

func (f *File) next() (history.Raw, error) {
	line, err := f.line()
	switch {
	case errors.Is(err, errLongLine):
		return history.Raw{}, fault(f.at+1, "the file has a longer line here than any entry")
	case errors.Is(err, io.EOF) && f.at < f.end:
		return history.Raw{}, fmt.Errorf("the file ends at seq %d; its first line promises %d", f.at, f.end)
	case err != nil:
		return history.Raw{}, err
	case f.at >= f.end:
		return history.Raw{}, fault(f.at+1, "the file goes on behind the end that its first line names")
	}
	raw, ok := parseLine(line)
	if !ok {
		return history.Raw{}, fault(f.at+1, "the file has a line here that is not an entry")
	}
	f.at = raw.Seq
	return raw, nil
}

var errLongLine = errors.New("a line is longer than any entry")

// line reads a line without its line break. The bytes are the caller's.
func (f *File) line() ([]byte, error) {
	var line []byte
	for {
		part, err := f.lines.ReadSlice('\n')
		line = append(line, part...)
		switch {
		case len(line) > maxLineBytes:
			return nil, errLongLine
		case errors.Is(err, bufio.ErrBufferFull):
		case errors.Is(err, io.EOF) && len(line) > 0:
			return nil, fmt.Errorf("the file ends within a line behind seq %d", f.at)
		case err != nil:
			return nil, err
		default:
			return line[:len(line)-1], nil
		}
	}
}

// parseLine reads exactly what appendLine writes.
func parseLine(line []byte) (raw history.Raw, ok bool) {
	r := fixedjson.NewReader(line)
	r.Literal(`{"seq":`)
	raw.Seq = r.Uint()
	if r.Optional(`,"seal":`) {
		raw.Seal = []byte(r.String())
	}
	var exact bool
	raw.Event, exact = readEvent(r)
	return raw, r.End() == nil && exact && holds(raw)
}

// appendLine appends an entry's line. ok is false for an entry that no store
// wrote and no line can hold.
func appendLine(dst []byte, raw history.Raw) (line []byte, ok bool) {
	if !holds(raw) {
		return dst, false
	}
	dst = fixedjson.AppendUint(append(dst, `{"seq":`...), raw.Seq)
	if len(raw.Seal) > 0 {
		dst = fixedjson.AppendString(append(dst, `,"seal":`...), string(raw.Seal))
	}
	return append(appendEvent(dst, raw.Event), '\n'), true
}

// holds reports whether a line can hold an entry.
func holds(raw history.Raw) bool {
	return len(raw.Event) <= event.MaxBytes && len(raw.Seal) <= maxSealBytes && plain(raw.Seal)
}

// appendEvent appends an event's bytes as the last member of an object: event
// as they are, or raw.
func appendEvent(dst, data []byte) []byte {
	rest := len(dst)
	dst = append(append(append(dst, `,"event":`...), data...), '}')
	if stands(dst[rest:]) {
		return dst
	}
	dst = base64.StdEncoding.AppendEncode(append(dst[:rest], `,"raw":"`...), data)
	return append(dst, `"}`...)
}

// readEvent reads what appendEvent wrote. exact is false for what it would have
// written otherwise.
func readEvent(r *fixedjson.Reader) (data []byte, exact bool) {
	if r.Optional(`,"event":`) {
		data = r.Value()
		r.Literal(`}`)
		return data, text(data)
	}
	r.Literal(`,"raw":`)
	data = fixedjson.Parsed(r, parseRaw)
	r.Literal(`}`)
	return data, !stands(append(append([]byte(`,"event":`), data...), '}'))
}

// parseRaw reads base64 in its one spelling, which has no line breaks.
func parseRaw(text string) ([]byte, error) {
	data, err := base64.StdEncoding.Strict().DecodeString(text)
	if err == nil && base64.StdEncoding.EncodedLen(len(data)) != len(text) {
		err = base64.CorruptInputError(len(text))
	}
	return data, err
}

// stands reports whether a reader of the rest of a line finds the end of the
// event in it, and it can stand in a line of text.
func stands(rest []byte) bool {
	r := fixedjson.NewReader(rest)
	r.Literal(`,"event":`)
	r.Value()
	r.Literal(`}`)
	return r.End() == nil && text(rest)
}

// text reports whether data is UTF-8 without control characters.
func text(data []byte) bool {
	for _, c := range data {
		if c < ' ' || c == 0x7f {
			return false
		}
	}
	return utf8.Valid(data)
}

// plain reports whether a seal has only characters that every seal is made of,
// none of which JSON escapes.
func plain(seal []byte) bool {
	for _, c := range seal {
		if c <= ' ' || c >= 0x7f || c == '"' || c == '\\' {
			return false
		}
	}
	return true
}

// Export writes a log as it is now. It proves nothing and looks only for what
// no file can hold; an error that is a [*history.Fault] says that the log is
// none that a store wrote, and where.
func Export(ctx context.Context, namespace domain.Name, partition uint16, log Log, w io.Writer) error {
	source, err := FromLog(ctx, log)
	if err != nil {
		return fmt.Errorf("export: %w", err)
	}
	out := bufio.NewWriterSize(w, 64<<10)
	if _, err := out.Write(appendHeader(nil, namespace, partition, source.End())); err != nil {
		return fmt.Errorf("export: %w", err)
	}
	if err := exportEntries(ctx, source, out); err != nil {
		return fmt.Errorf("export: %w", err)
	}
	if err := out.Flush(); err != nil {
		return fmt.Errorf("export: %w", err)
	}
	return nil
}

func exportEntries(ctx context.Context, source Source, out io.Writer) error {
	var line []byte
	for next := uint64(1); ; {
		raws, end := source.Next(ctx)
		for _, raw := range raws {
			var ok bool
			if line, ok = appendLine(line[:0], raw); !ok || raw.Seq != next {
				return fault(next, "no file can hold the entry here: it is none that a store wrote")
			}
			if _, err := out.Write(line); err != nil {
				return err
			}
			next++
		}
		switch {
		case errors.Is(end, io.EOF):
			return nil
		case end != nil:
			return end
		}
	}
}
