package strictjson

import (
	"iter"

	"github.com/go-json-experiment/json/jsontext"
)

// A Member is one member of an object. Value is its value as it stands in the
// text, from the first byte to the last: a subslice, to be copied as it is.
type Member struct {
	Name  string // unescaped
	Value []byte
}

// Members yields the members of the object in data, in their order. It is
// meant for data that has passed [Check], of which it repeats all but the
// limits. The first error, which is also that data is no object (reason type),
// ends the sequence; it comes with a zero Member.
func Members(data []byte) iter.Seq2[Member, error] {
	return func(yield func(Member, error) bool) {
		s := scanner{data: data, dec: newDecoder(data)}
		if kind := s.dec.PeekKind(); kind != jsontext.KindBeginObject && kind != jsontext.KindInvalid {
			yield(Member{}, refuse("type", "", "the value must be an object"))
			return
		}
		if _, err := s.dec.ReadToken(); err != nil {
			yield(Member{}, s.malformed(err))
			return
		}
		for s.dec.PeekKind() != jsontext.KindEndObject {
			m, err := s.member()
			if !yield(m, err) || err != nil {
				return
			}
		}
		if _, err := s.dec.ReadToken(); err != nil {
			yield(Member{}, s.malformed(err))
			return
		}
		if err := s.end(); err != nil {
			yield(Member{}, err)
		}
	}
}

// member reads a name and its value.
func (s *scanner) member() (Member, error) {
	name, err := s.dec.ReadToken()
	if err != nil {
		return Member{}, s.malformed(err)
	}
	m := Member{Name: name.String()} // before the next read invalidates the token
	value, err := s.dec.ReadValue()
	if err != nil {
		return Member{}, s.malformed(err)
	}
	end := int(s.dec.InputOffset())
	m.Value = s.data[end-len(value) : end : end]
	return m, nil
}
