package signing

import (
	"fmt"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/fixedjson"
	"github.com/herocode/horus/domain/strictjson"
)

// Canonical returns the RFC 8785 form of a JSON value: what a client signs that
// sends an object instead of bytes. data is judged by [strictjson.Check], with
// its errors, save that a number beyond ±(2^53−1) passes when float64 keeps it;
// a number that the canonical form would change is refused, because its signer
// and its reader would mean different things. Fractions are rounded to the
// nearest float64, as RFC 8785 says.
func Canonical(data []byte) ([]byte, error) {
	if err := strictjson.Check(data, strictjson.Limits{Wide: true}); err != nil {
		return nil, err
	}
	canonical, err := jsontext.AppendFormat(nil, data,
		jsontext.CanonicalizeRawInts(true), jsontext.CanonicalizeRawFloats(true), jsontext.ReorderRawObjects(true))
	if err != nil {
		return nil, fmt.Errorf("canonicalize: %w", err)
	}
	return canonical, nil
}

// CanonicalWithout returns the canonical form of the object in data without one
// of its members, present or not: a signature cannot sign itself. A value that
// is no object is refused (reason type).
func CanonicalWithout(data []byte, member string) ([]byte, error) {
	whole, err := Canonical(data)
	if err != nil {
		return nil, err
	}
	if whole[0] != '{' {
		return nil, domain.Errorf(domain.Invalid, "type", "the value must be an object")
	}
	part := append(make([]byte, 0, len(whole)), '{')
	for m, err := range strictjson.Members(whole) {
		if err != nil {
			return nil, fmt.Errorf("read canonical form: %w", err)
		}
		if m.Name == member {
			continue
		}
		if len(part) > 1 {
			part = append(part, ',')
		}
		part = append(fixedjson.AppendString(part, m.Name), ':')
		part = append(part, m.Value...)
	}
	return append(part, '}'), nil
}
