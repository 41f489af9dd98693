package logs

import (
	"fmt"
	"math"
	"strconv"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/fixedjson"
)

// Ref says where one piece of a job's output stands: a log report in a bundle.
type Ref struct {
	Seq     uint64 // place of the bundle in the log
	Index   int    // of the report in the bundle
	First   uint64 // number of its first line among all lines of the job, from 1
	Count   uint64 // of lines
	Attempt uint32 // that wrote them
}

// FieldName is the name of the n-th piece, from 0, of the job that was
// submitted at a place.
func FieldName(submitted, n uint64) string {
	b := append(strconv.AppendUint(make([]byte, 0, 24), submitted, 10), '/')
	return string(strconv.AppendUint(b, n, 10))
}

// Append appends the reference in its one spelling:
// [seq,index,first,count,attempt].
func (f *Ref) Append(dst []byte) []byte {
	sep := byte('[')
	for _, n := range [...]uint64{f.Seq, uint64(max(f.Index, 0)), f.First, f.Count, uint64(f.Attempt)} { //nolint:gosec // not negative
		dst = fixedjson.AppendUint(append(dst, sep), n)
		sep = ','
	}
	return append(dst, ']')
}

// ParseRef reads what Append wrote.
func ParseRef(data []byte) (Ref, error) {
	var n [5]uint64
	r := fixedjson.NewReader(data)
	r.Literal(`[`)
	for i := range n {
		if i > 0 {
			r.Literal(`,`)
		}
		n[i] = r.Uint()
	}
	r.Literal(`]`)
	if err := r.End(); err != nil {
		return Ref{}, fmt.Errorf("parse log reference: %w", err)
	}
	if n[1] > math.MaxInt32 || n[4] > math.MaxInt32 { // the domain bounds both further
		return Ref{}, domain.Errorf(domain.Invalid, "format", "parse log reference: a number is too large")
	}
	return Ref{n[0], int(n[1]), n[2], n[3], uint32(n[4])}, nil //nolint:gosec // compared above
}
