package runner

import (
	"cmp"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/fixedjson"
	"github.com/herocode/horus/domain/signing"
)

// BundleType is the payload type under which a bundle is signed, as in DSSE.
const BundleType = "application/vnd.horus.bundle.v1+json"

// Bundle is everything that a runner process says at one time to one
// partition. Its numbers grow; a number that was seen before is a repetition.
type Bundle struct {
	Namespace string
	Partition uint16
	Runner    domain.Name
	Process   string
	Number    uint64
	Reports   []Report
}

// Signed is a bundle as it travels and as it is kept: its exact bytes and the
// signature over them.
type Signed struct {
	Doc       []byte
	Key       signing.KeyID
	Signature signing.Signature
}

// Append appends the bundle in its one spelling.
func (b *Bundle) Append(dst []byte) []byte {
	dst = b.appendHead(dst)
	for i, r := range b.Reports {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = r.append(dst)
	}
	return append(dst, `]}`...)
}

// appendHead appends all that stands before the reports.
func (b *Bundle) appendHead(dst []byte) []byte {
	dst = fixedjson.AppendString(append(dst, `{"v":1,"ns":`...), b.Namespace)
	dst = fixedjson.AppendUint(append(dst, `,"p":`...), uint64(b.Partition))
	dst = fixedjson.AppendString(append(dst, `,"runner":`...), string(b.Runner))
	dst = fixedjson.AppendString(append(dst, `,"process":`...), b.Process)
	dst = fixedjson.AppendUint(append(dst, `,"number":`...), b.Number)
	return append(dst, `,"reports":[`...)
}

// AppendReport appends a report and a comma, as reports stand in a bundle. A
// sender keeps what it has to say so, and knows what room that needs.
func AppendReport(dst []byte, r Report) []byte { return append(r.append(dst), ',') }

// Sign encodes and signs the bundle.
func (b *Bundle) Sign(key signing.PrivateKey) Signed { return sign(b.Append(nil), key) }

// SignReports is Sign for reports that [AppendReport] encoded, at least one, in
// place of those of the bundle.
func (b *Bundle) SignReports(reports []byte, key signing.PrivateKey) Signed {
	doc := b.appendHead(make([]byte, 0, headRoom+len(reports)))
	doc = append(doc, reports[:len(reports)-len(",")]...)
	return sign(append(doc, `]}`...), key)
}

// headRoom is enough for what a bundle has besides its reports.
const headRoom = 512

func sign(doc []byte, key signing.PrivateKey) Signed {
	return Signed{Doc: doc, Key: key.Public().ID(), Signature: key.Sign(signing.PAE(BundleType, doc))}
}

// Check returns what must hold for the bundle to be its runner's word.
func (s *Signed) Check(key signing.PublicKey) signing.Check {
	return signing.Check{Key: key, Message: signing.PAE(BundleType, s.Doc), Signature: s.Signature}
}

// ParseBundle reads what Append wrote.
func ParseBundle(doc []byte) (*Bundle, error) {
	if len(doc) > MaxBundleBytes {
		return nil, domain.Errorf(domain.TooLarge, "bundle", "bundle of %d bytes; the limit is %d", len(doc), MaxBundleBytes)
	}
	r := fixedjson.NewReader(doc)
	b := readBundle(r)
	if err := r.End(); err != nil {
		return nil, fmt.Errorf("parse bundle: %w", err)
	}
	return b, nil
}

func readBundle(r *fixedjson.Reader) *Bundle {
	var b Bundle
	r.Literal(`{"v":1,"ns":`)
	b.Namespace = r.String()
	r.Literal(`,"p":`)
	p := r.Uint()
	r.Literal(`,"runner":`)
	b.Runner = fixedjson.Parsed(r, domain.ParseName)
	r.Literal(`,"process":`)
	b.Process = fixedjson.Parsed(r, ParseProcess)
	r.Literal(`,"number":`)
	b.Number = r.Uint()
	if p > math.MaxUint16 || b.Number == 0 {
		r.Fail(domain.Errorf(domain.Invalid, "format", "partition or number out of range"))
	}
	b.Partition = uint16(p & math.MaxUint16) //nolint:gosec // bounded above
	r.Literal(`,"reports":[`)
	for range MaxReports {
		report := b.readReport(r)
		if r.Err() != nil {
			return nil
		}
		b.Reports = append(b.Reports, report)
		if !r.Optional(`,`) {
			break
		}
	}
	r.Literal(`]}`)
	return &b
}

// ParseProcess checks a process' name: 1 to 32 hexadecimal digits that it drew
// when it started. Its error has [domain.Invalid] and the reason process.
func ParseProcess(s string) (string, error) {
	if s == "" || len(s) > 32 || strings.Trim(s, "0123456789abcdef") != "" {
		return "", domain.Errorf(domain.Invalid, "process", "a process has a name of 1 to 32 hexadecimal digits")
	}
	return s, nil
}

// AggregateID is the id of the report aggregate of a process.
func AggregateID(runner domain.Name, process string) string {
	return string(runner) + "/" + process
}

// Cause names one report, as the cause of the events that it led to:
// report/<runner>/<process>/<number>/<index>.
type Cause struct {
	Runner  domain.Name
	Process string
	Number  uint64
	Index   int
}

// String returns the cause's one spelling.
func (c Cause) String() string { return string(c.spell(make([]byte, 0, maxCause))) }

// maxCause is how long a cause can be.
const maxCause = 160

func (c Cause) spell(b []byte) []byte {
	b = append(append(append(b, "report/"...), c.Runner...), '/')
	b = append(append(b, c.Process...), '/')
	b = append(strconv.AppendUint(b, c.Number, 10), '/')
	return strconv.AppendInt(b, int64(c.Index), 10)
}

// ParseCause reads what String writes; ok is false for every other cause.
func ParseCause(s string) (c Cause, ok bool) {
	rest, ok := strings.CutPrefix(s, "report/")
	if !ok {
		return Cause{}, false
	}
	name, rest, _ := strings.Cut(rest, "/")
	process, rest, _ := strings.Cut(rest, "/")
	count, place, _ := strings.Cut(rest, "/")
	number, err1 := strconv.ParseUint(count, 10, 64)
	index, err2 := strconv.Atoi(place)
	id, err3 := domain.ParseName(name)
	_, err4 := ParseProcess(process)
	c = Cause{id, process, number, index}
	var room [maxCause]byte
	return c, cmp.Or(err1, err2, err3, err4) == nil && index >= 0 && string(c.spell(room[:0])) == s
}
