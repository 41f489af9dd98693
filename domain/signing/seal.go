package signing

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math"
	"strconv"

	"github.com/herocode/horus/domain"
)

// MaxSealed is how many events one seal covers at most: one commit.
const MaxSealed = 256

const (
	sealContext = "horus-seal-v1\n" // no other signed text begins with it
	sealVersion = "1"               // of the wire form
	sealFields  = 9
)

// A Seal is a leader's signature of one commit. It names the commit's place,
// the root over its events and the seal before it, so that seals are a chain.
type Seal struct {
	Namespace  string
	Partition  uint16
	Term       uint64    // of the leader that sealed
	First      uint64    // seq of the first event, from 1
	Count      uint32    // number of events, 1 to MaxSealed
	Root       Hash      // over the events, as Root computes it
	Statements uint64    // number of the last statement before the commit
	Prev       Hash      // hash of the seal before; zero for the first
	Key        KeyID     // who sealed
	Signature  Signature // of Text
}

// Last returns the seq of the last event.
func (s Seal) Last() uint64 { return s.First + uint64(s.Count) - 1 }

// Text returns what is signed: ten lines, each ended by a newline.
//
//	horus-seal-v1
//	<namespace>
//	p<partition, three digits or more>
//	<term>
//	<first seq>
//	<count>
//	<statements>
//	<root, hex>
//	<hash of the previous seal, hex>
//	<key id>
func (s Seal) Text() []byte { return s.appendText(make([]byte, 0, sealRoom)) }

// sealRoom holds the text of any seal with a well-formed namespace, and its
// signature.
const sealRoom = 448

func (s *Seal) appendText(dst []byte) []byte {
	dst = append(dst, sealContext...)
	dst = append(append(dst, s.Namespace...), "\np"...)
	if s.Partition < 100 {
		dst = append(dst, '0')
	}
	if s.Partition < 10 {
		dst = append(dst, '0')
	}
	dst = append(strconv.AppendUint(dst, uint64(s.Partition), 10), '\n')
	dst = append(strconv.AppendUint(dst, s.Term, 10), '\n')
	dst = append(strconv.AppendUint(dst, s.First, 10), '\n')
	dst = append(strconv.AppendUint(dst, uint64(s.Count), 10), '\n')
	dst = append(strconv.AppendUint(dst, s.Statements, 10), '\n')
	dst = append(hex.AppendEncode(dst, s.Root[:]), '\n')
	dst = append(hex.AppendEncode(dst, s.Prev[:]), '\n')
	return append(append(dst, s.Key...), '\n')
}

// Sign returns s with k's id and signature.
func (s Seal) Sign(k PrivateKey) Seal {
	s.Key = k.Public().ID()
	s.Signature = k.Sign(s.Text())
	return s
}

// Check returns the question whether k signed s, to be answered alone or in a
// batch. The answer is no when s names another key.
func (s Seal) Check(k PublicKey) Check {
	if k.ID() != s.Key {
		k = PublicKey{}
	}
	return Check{Key: k, Message: s.Text(), Signature: s.Signature}
}

// Hash returns SHA-256(text ‖ signature): what the next seal names as Prev.
func (s Seal) Hash() Hash {
	var room [sealRoom]byte
	return sha256.Sum256(append(s.appendText(room[:0]), s.Signature[:]...))
}

// Append appends the wire form of s to dst: one line of ASCII, about 250 bytes.
// Namespace and partition are those of the place where it stands.
//
//	1.<term>.<first>.<count>.<statements>.<root>.<prev>.<key id>.<signature>
//
// Numbers are decimal, the key id is hex, and root, prev and signature are
// base64url without padding.
func (s Seal) Append(dst []byte) []byte {
	dst = append(dst, sealVersion+"."...)
	dst = append(strconv.AppendUint(dst, s.Term, 10), '.')
	dst = append(strconv.AppendUint(dst, s.First, 10), '.')
	dst = append(strconv.AppendUint(dst, uint64(s.Count), 10), '.')
	dst = append(strconv.AppendUint(dst, s.Statements, 10), '.')
	dst = append(url.AppendEncode(dst, s.Root[:]), '.')
	dst = append(url.AppendEncode(dst, s.Prev[:]), '.')
	dst = append(append(dst, s.Key...), '.')
	return url.AppendEncode(dst, s.Signature[:])
}

// ParseSeal reads the wire form of a seal that stands in this namespace and
// partition (reason seal). It takes only what [Seal.Append] writes, and does
// not judge the signature.
func ParseSeal(namespace string, partition uint16, wire []byte) (Seal, error) {
	s := Seal{Namespace: namespace, Partition: partition}
	var field [sealFields][]byte
	for i := range field {
		var found bool
		field[i], wire, found = bytes.Cut(wire, []byte("."))
		if found != (i < sealFields-1) {
			return Seal{}, malformedSeal("number of fields")
		}
	}
	if string(field[0]) != sealVersion {
		return Seal{}, malformedSeal("version")
	}
	if err := s.parseNumbers(field[1:5]); err != nil {
		return Seal{}, err
	}
	var id [keyIDBytes]byte
	switch {
	case !parseBase64(url, s.Root[:], field[5]):
		return Seal{}, malformedSeal("root")
	case !parseBase64(url, s.Prev[:], field[6]):
		return Seal{}, malformedSeal("previous seal")
	case !parseHex(id[:], field[7]):
		return Seal{}, malformedSeal("key id")
	case !parseBase64(url, s.Signature[:], field[8]):
		return Seal{}, malformedSeal("signature")
	}
	s.Key = KeyID(field[7])
	return s, nil
}

// parseNumbers reads term, first, count and statements.
func (s *Seal) parseNumbers(field [][]byte) error {
	var number [4]uint64
	for i := range number {
		var ok bool
		if number[i], ok = parseDecimal(field[i]); !ok {
			return malformedSeal("number")
		}
	}
	term, first, count, statements := number[0], number[1], number[2], number[3]
	if count < 1 || count > MaxSealed {
		return malformedSeal("count")
	}
	if first < 1 || first > math.MaxUint64-(count-1) {
		return malformedSeal("first seq")
	}
	s.Term, s.First, s.Count, s.Statements = term, first, uint32(count), statements
	return nil
}

func malformedSeal(what string) error {
	return domain.Errorf(domain.Invalid, "seal", "not a seal: %s", what)
}

// A Proof shows that an event stands in a sealed commit.
type Proof struct {
	Event []byte // as stored
	Seq   uint64
	Path  []Hash // from the event to the root
	Seal  Seal
}

// Check reports whether the path leads from the event, at its seq, to the
// seal's root (reason proof). Whether the seal is good is for [Seal.Check] and a
// key that the caller trusts.
func (p Proof) Check() error { return p.CheckLeaf(LeafHash(p.Event)) }

// CheckLeaf is [Proof.Check] for whoever has the [LeafHash] of the event.
func (p Proof) CheckLeaf(leaf Hash) error {
	if p.Seq < p.Seal.First || p.Seq > p.Seal.Last() {
		return domain.Errorf(domain.Invalid, "proof", "the seal covers %d to %d, not %d", p.Seal.First, p.Seal.Last(), p.Seq)
	}
	root, err := RootFromPath(leaf, p.Seq-p.Seal.First, uint64(p.Seal.Count), p.Path)
	if err != nil {
		return fmt.Errorf("prove event %d: %w", p.Seq, err)
	}
	if root != p.Seal.Root {
		return domain.Errorf(domain.Invalid, "proof", "event %d is not the one that was sealed", p.Seq)
	}
	return nil
}
