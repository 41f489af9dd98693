package audit

import (
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/fixedjson"
	"github.com/herocode/horus/domain/signing"
)

// Head is a place that an audit proved, remembered outside the log. It is what
// a cut tail is found with, and any other past than the one that was proved.
type Head struct {
	Namespace domain.Name
	Partition uint16
	Seq       uint64       // of the last event
	Seal      signing.Hash // hash of the last seal
}

// Append appends {"namespace":…,"partition":…,"seq":…,"seal":…} and a line
// break.
func (h Head) Append(dst []byte) []byte {
	dst = fixedjson.AppendString(append(dst, `{"namespace":`...), string(h.Namespace))
	dst = fixedjson.AppendUint(append(dst, `,"partition":`...), uint64(h.Partition))
	dst = fixedjson.AppendUint(append(dst, `,"seq":`...), h.Seq)
	dst = fixedjson.AppendString(append(dst, `,"seal":`...), h.Seal.String())
	return append(dst, "}\n"...)
}

// ParseHead reads exactly what [Head.Append] writes (reason head).
func ParseHead(data []byte) (Head, error) {
	var h Head
	r := fixedjson.NewReader(data)
	r.Literal(`{"namespace":`)
	h.Namespace = fixedjson.Parsed(r, domain.ParseName)
	r.Literal(`,"partition":`)
	partition := r.Uint()
	r.Literal(`,"seq":`)
	h.Seq = r.Uint()
	r.Literal(`,"seal":`)
	h.Seal = fixedjson.Parsed(r, signing.ParseHash)
	r.Literal("}\n")
	if err := r.End(); err != nil || partition > math.MaxUint16 || h.Seq == 0 || h.Seal.IsZero() {
		return Head{}, domain.Errorf(domain.Invalid, "head", "not a head that an audit wrote")
	}
	h.Partition = uint16(partition)
	return h, nil
}

// ReadHead reads a head from a file. The error wraps [fs.ErrNotExist] when
// nothing was remembered there yet.
func ReadHead(path string) (Head, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return Head{}, fmt.Errorf("read head: %w", err)
	}
	h, err := ParseHead(data)
	if err != nil {
		return Head{}, fmt.Errorf("read head from %s: %w", path, err)
	}
	return h, nil
}

// WriteHead makes a file hold a head. After a crash the file holds the old head
// or the new one.
func WriteHead(path string, h Head) (err error) {
	file, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return fmt.Errorf("write head: %w", err)
	}
	defer func() {
		if err != nil {
			err = fmt.Errorf("write head: %w", errors.Join(err, os.Remove(file.Name())))
		}
	}()
	_, err = file.Write(h.Append(nil))
	if err = errors.Join(err, file.Sync(), file.Close()); err != nil {
		return err
	}
	return os.Rename(file.Name(), path)
}
