package access

import (
	"encoding/hex"
	"math"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/fixedjson"
)

// APIKeyAdded: whoever shows the secret may call from here on. The event's actor
// added it.
type APIKeyAdded struct{ Key APIKey }

// APIKeyRemoved: an API key is good for nothing from here on. Its name may be
// given to another one, which is no heir of it.
type APIKeyRemoved struct {
	Name   domain.Name
	Reason string // printable, at most [MaxReason] bytes; may be empty
}

func (APIKeyAdded) accessEvent()   {}
func (APIKeyRemoved) accessEvent() {}

// EventName returns the wire name.
func (APIKeyAdded) EventName() string { return "access.api_key_added" }

// EventName returns the wire name.
func (APIKeyRemoved) EventName() string { return "access.api_key_removed" }

// AppendData appends
// {"name":…,"scope":…,"runners":[…],"kinds":[…],"until":…,"id":…,"salt":…,"hash":…}.
// Runners, kinds and until are left out when there are none. A chosen secret has
// "argon2id":{"time":…,"memory":…,"threads":…} in the place of id.
func (e APIKeyAdded) AppendData(dst []byte) []byte {
	k := &e.Key
	dst = fixedjson.AppendString(append(dst, `{"name":`...), string(k.Name))
	dst = append(append(append(dst, `,"scope":"`...), k.Scope...), '"')
	dst = appendNames(dst, `,"runners":[`, k.Runners)
	dst = appendNames(dst, `,"kinds":[`, k.Kinds)
	if !k.Until.IsZero() {
		dst = append(k.Until.Append(append(dst, `,"until":"`...)), '"')
	}
	if s := &k.Secret; s.Chosen() {
		dst = fixedjson.AppendUint(append(dst, `,"argon2id":{"time":`...), uint64(s.Cost.Time))
		dst = fixedjson.AppendUint(append(dst, `,"memory":`...), uint64(s.Cost.Memory))
		dst = append(fixedjson.AppendUint(append(dst, `,"threads":`...), uint64(s.Cost.Threads)), '}')
	} else {
		dst = append(append(append(dst, `,"id":"`...), s.ID...), '"')
	}
	dst = hex.AppendEncode(append(dst, `,"salt":"`...), k.Secret.Salt[:])
	dst = hex.AppendEncode(append(dst, `","hash":"`...), k.Secret.Hash[:])
	return append(dst, `"}`...)
}

// appendNames appends a list of names, and nothing when there are none.
func appendNames(dst []byte, open string, names []domain.Name) []byte {
	for i, name := range names {
		if i == 0 {
			dst = append(dst, open...)
		} else {
			dst = append(dst, ',')
		}
		dst = fixedjson.AppendString(dst, string(name))
	}
	if len(names) > 0 {
		dst = append(dst, ']')
	}
	return dst
}

// AppendData appends {"name":…,"reason":…}.
func (e APIKeyRemoved) AppendData(dst []byte) []byte {
	dst = fixedjson.AppendString(append(dst, `{"name":`...), string(e.Name))
	dst = fixedjson.AppendString(append(dst, `,"reason":`...), e.Reason)
	return append(dst, '}')
}

func readAPIKeyAdded(r *fixedjson.Reader) APIKeyAdded {
	var k APIKey
	r.Literal(`{"name":`)
	k.Name = fixedjson.Parsed(r, domain.ParseName)
	r.Literal(`,"scope":`)
	k.Scope = fixedjson.Parsed(r, ParseScope)
	k.Runners = readNames(r, `,"runners":[`)
	k.Kinds = readNames(r, `,"kinds":[`)
	if r.Optional(`,"until":`) {
		k.Until = event.ReadTime(r)
	}
	if r.Optional(`,"argon2id":{"time":`) {
		k.Secret.Cost.Time = uint32(bounded(r, math.MaxUint32)) //nolint:gosec // bounded
		r.Literal(`,"memory":`)
		k.Secret.Cost.Memory = uint32(bounded(r, math.MaxUint32)) //nolint:gosec // bounded
		r.Literal(`,"threads":`)
		k.Secret.Cost.Threads = uint8(bounded(r, math.MaxUint8)) //nolint:gosec // bounded
		r.Literal(`}`)
	} else {
		r.Literal(`,"id":`)
		k.Secret.ID = fixedjson.Parsed(r, parseSecretID)
	}
	r.Literal(`,"salt":`)
	fixedjson.Parsed(r, into(k.Secret.Salt[:]))
	r.Literal(`,"hash":`)
	fixedjson.Parsed(r, into(k.Secret.Hash[:]))
	if err := k.Secret.check(); err != nil {
		r.Fail(err)
	}
	return APIKeyAdded{k}
}

func readNames(r *fixedjson.Reader, open string) (names []domain.Name) {
	if !r.Optional(open) {
		return nil
	}
	for range maxKinds {
		names = append(names, fixedjson.Parsed(r, domain.ParseName))
		if !r.Optional(`,`) {
			break
		}
	}
	r.Literal(`]`)
	return names
}

func bounded(r *fixedjson.Reader, most uint64) uint64 {
	n := r.Uint()
	if n > most {
		r.Fail(domain.Errorf(domain.Invalid, "cost", "a cost is at most %d", most))
	}
	return n & most
}

func parseSecretID(s string) (string, error) {
	if !isSecretID(s) {
		return "", domain.Errorf(domain.Invalid, "secret_id", "the id of a secret is 16 hexadecimal digits in lower case")
	}
	return s, nil
}

// into returns a parser of so many bytes, written as hexadecimal digits in lower
// case, to dst.
func into(dst []byte) func(string) (struct{}, error) {
	return func(s string) (struct{}, error) {
		raw, err := hex.DecodeString(s)
		if err != nil || len(raw) != len(dst) || hex.EncodeToString(raw) != s {
			return struct{}{}, domain.Errorf(domain.Invalid, "hex", "%d bytes as hexadecimal digits in lower case", len(dst))
		}
		copy(dst, raw)
		return struct{}{}, nil
	}
}

func readAPIKeyRemoved(r *fixedjson.Reader) APIKeyRemoved {
	var e APIKeyRemoved
	r.Literal(`{"name":`)
	e.Name = fixedjson.Parsed(r, domain.ParseName)
	r.Literal(`,"reason":`)
	e.Reason = fixedjson.Parsed(r, parseReason)
	return e
}
