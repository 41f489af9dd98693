package access

import (
	"strings"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/signing"
)

// AdmissionText is what a key signs to prove that whoever asks for its
// admission holds it.
//
//	horus-admission-v1
//	<namespace>
//	<class>
//	<name>
//	<public key, hex>
func AdmissionText(namespace domain.Name, k Key) []byte {
	return text("horus-admission-v1", string(namespace), string(k.Class), string(k.Name), k.Public.String())
}

// OperatorText is what an operator's key signs to admit a key when no
// supervisor is left who could. Each line is ended by a newline; times are as
// [event.Time.String] writes them, and a line is empty when there is none.
//
//	horus-operator-v1
//	<namespace>
//	<class>
//	<name>
//	<public key, hex>
//	<kinds, with commas between them>
//	<since>
//	<until>
func OperatorText(namespace domain.Name, k Key) []byte {
	kinds := make([]string, len(k.Kinds))
	for i, kind := range k.Kinds {
		kinds[i] = string(kind)
	}
	return text("horus-operator-v1", string(namespace), string(k.Class), string(k.Name), k.Public.String(),
		strings.Join(kinds, ","), instant(k.Since), instant(k.Until))
}

// RotationText is what two keys sign so that the second takes the place of the
// first.
//
//	horus-rotation-v1
//	<namespace>
//	<id of the old key>
//	<new public key, hex>
//	<last instant at which the old one holds>
func RotationText(namespace domain.Name, e Rotated) []byte {
	return text("horus-rotation-v1", string(namespace), string(e.Old), e.Key.String(), e.Until.String())
}

func text(lines ...string) []byte { return []byte(strings.Join(lines, "\n") + "\n") }

func instant(t event.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.String()
}

// Proved returns k as the admission that the holder of a key asks for: with its
// public half and its proof.
func (k Key) Proved(namespace domain.Name, key signing.PrivateKey) Key {
	k.Public = key.Public()
	k.Proof = key.Sign(AdmissionText(namespace, k))
	return k
}

// Vouched returns k with an operator's signature.
func (k Key) Vouched(namespace domain.Name, operator signing.PrivateKey) Key {
	k.Operator = operator.Sign(OperatorText(namespace, k))
	return k
}

// Rotation returns what the holder of two keys asks for so that one takes the
// place of the other, which holds until then.
func Rotation(namespace domain.Name, old, next signing.PrivateKey, until event.Time) Rotated {
	e := Rotated{Old: old.Public().ID(), Key: next.Public(), Until: until}
	signed := RotationText(namespace, e)
	e.Proof, e.By = next.Sign(signed), old.Sign(signed)
	return e
}
