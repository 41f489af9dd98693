package signing

import (
	"crypto/sha256"
	"encoding/asn1"
	"fmt"
	"io"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"
	"github.com/decred/dcrd/dcrec/secp256k1/v4/ecdsa"

	"github.com/herocode/horus/domain"
)

// parseSecp256k1 reads a compressed point: 66 lowercase hex digits. Every point
// of the curve but the one that has no such form is of the curve's whole order.
func parseSecp256k1(text string) (PublicKey, error) {
	var raw [secp256k1.PubKeyBytesLenCompressed]byte
	if !parseHex(raw[:], text) {
		return PublicKey{}, domain.Errorf(domain.Invalid, "key", "a secp256k1 key is 66 lowercase hex digits: the compressed form")
	}
	point, err := secp256k1.ParsePubKey(raw[:])
	if err != nil {
		return PublicKey{}, domain.Errorf(domain.Invalid, "key", "the public key is no compressed point of secp256k1")
	}
	return secp256k1Key(point), nil
}

func secp256k1Key(point *secp256k1.PublicKey) PublicKey {
	var k PublicKey
	raw := point.SerializeCompressed()
	copy(k.raw[:], raw[1:])
	k.raw[32] = raw[0]
	return k
}

// verifySecp256k1 is the one rule: r and s are numbers from 1 below the curve's
// order, s is of the lower half, and the equation of ECDSA holds (FIPS 186-5,
// section 6.4.2). With the higher half everybody could make a second signature
// out of one that he saw.
func verifySecp256k1(k PublicKey, msg []byte, sig *Signature) bool {
	var r, s secp256k1.ModNScalar
	if r.SetByteSlice(sig[:32]) || s.SetByteSlice(sig[32:]) || s.IsOverHalfOrder() {
		return false
	}
	point, err := secp256k1.ParsePubKey(k.bytes())
	if err != nil {
		return false
	}
	sum := sha256.Sum256(msg)
	return ecdsa.NewSignature(&r, &s).Verify(sum[:], point) // not with a zero
}

// GenerateSecp256k1 makes a secp256k1 key from 32 bytes of rand, or the next 32
// while they are no number from 1 below the curve's order. The same bytes make
// the same key.
func GenerateSecp256k1(rand io.Reader) (PrivateKey, error) {
	for {
		var raw [secp256k1.PrivKeyBytesLen]byte
		if _, err := io.ReadFull(rand, raw[:]); err != nil {
			return PrivateKey{}, fmt.Errorf("generate key: %w", err)
		}
		if k, ok := secp256k1Private(raw[:]); ok {
			return k, nil
		}
	}
}

// secp256k1Private returns the key of a number that is one.
func secp256k1Private(raw []byte) (PrivateKey, bool) {
	var n secp256k1.ModNScalar
	if len(raw) != secp256k1.PrivKeyBytesLen || n.SetByteSlice(raw) || n.IsZero() {
		return PrivateKey{}, false
	}
	secret := &secp256k1Secret{*secp256k1.NewPrivateKey(&n)}
	return PrivateKey{func() signer { return secret }}, true
}

type secp256k1Secret struct{ key secp256k1.PrivateKey }

func (s *secp256k1Secret) public() PublicKey { return secp256k1Key(s.key.PubKey()) }

func (s *secp256k1Secret) sign(msg []byte) Signature {
	sum := sha256.Sum256(msg)
	signed := ecdsa.Sign(&s.key, sum[:]) // with low S
	var sig Signature
	r, low := signed.R(), signed.S()
	r.PutBytesUnchecked(sig[:32])
	low.PutBytesUnchecked(sig[32:])
	return sig
}

// pkcs8 is a PrivateKeyInfo (RFC 5208, section 5) of an elliptic curve.
type pkcs8 struct {
	Version   int
	Algorithm struct{ ID, Curve asn1.ObjectIdentifier }
	Key       []byte // an ecPrivateKey
}

// ecPrivateKey is an ECPrivateKey (RFC 5915, section 3).
type ecPrivateKey struct {
	Version int
	Private []byte
	Curve   asn1.ObjectIdentifier `asn1:"optional,explicit,tag:0"`
	Public  asn1.BitString        `asn1:"optional,explicit,tag:1"`
}

func ecPublicKeyID() asn1.ObjectIdentifier { return asn1.ObjectIdentifier{1, 2, 840, 10045, 2, 1} }
func secp256k1ID() asn1.ObjectIdentifier   { return asn1.ObjectIdentifier{1, 3, 132, 0, 10} }

func (s *secp256k1Secret) marshal() ([]byte, error) {
	public := s.key.PubKey().SerializeUncompressed()
	inner, err := asn1.Marshal(ecPrivateKey{
		Version: 1, Private: s.key.Serialize(), Public: asn1.BitString{Bytes: public, BitLength: 8 * len(public)},
	})
	if err != nil {
		return nil, err
	}
	outer := pkcs8{Key: inner}
	outer.Algorithm.ID, outer.Algorithm.Curve = ecPublicKeyID(), secp256k1ID()
	return asn1.Marshal(outer)
}

// parseSecp256k1Secret reads PKCS#8 as [secp256k1Secret.marshal] and OpenSSL
// write it. The standard library does not know the curve.
func parseSecp256k1Secret(der []byte) (PrivateKey, bool) {
	var outer pkcs8
	if rest, err := asn1.Unmarshal(der, &outer); err != nil || len(rest) > 0 {
		return PrivateKey{}, false
	}
	if !outer.Algorithm.ID.Equal(ecPublicKeyID()) || !outer.Algorithm.Curve.Equal(secp256k1ID()) {
		return PrivateKey{}, false
	}
	var inner ecPrivateKey
	if rest, err := asn1.Unmarshal(outer.Key, &inner); err != nil || len(rest) > 0 || inner.Version != 1 {
		return PrivateKey{}, false
	}
	return secp256k1Private(inner.Private)
}
