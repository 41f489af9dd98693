package signing

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io"

	"github.com/oasisprotocol/curve25519-voi/curve"
	voi "github.com/oasisprotocol/curve25519-voi/primitives/ed25519"

	"github.com/herocode/horus/domain"
)

// A PublicKey is an Ed25519 key that [ParsePublicKey] accepted or that belongs
// to a [PrivateKey]. It is comparable; the zero value is no key, and no
// signature is good under it.
type PublicKey struct{ raw [ed25519.PublicKeySize]byte }

// ParsePublicKey reads the text form of a key, 64 lowercase hex digits. A key of
// small order, under which one signature is good for many messages, and a
// second encoding of a point are refused (reason key).
func ParsePublicKey(text string) (PublicKey, error) {
	var k PublicKey
	if !parseHex(k.raw[:], text) {
		return PublicKey{}, domain.Errorf(domain.Invalid, "key", "a public key is 64 lowercase hex digits")
	}
	compressed := curve.CompressedEdwardsY(k.raw)
	var point curve.EdwardsPoint
	switch _, err := point.SetCompressedY(&compressed); {
	case err != nil:
		return PublicKey{}, domain.Errorf(domain.Invalid, "key", "the public key is no point of the curve")
	case !compressed.IsCanonicalVartime():
		return PublicKey{}, domain.Errorf(domain.Invalid, "key", "the public key is not in its canonical encoding")
	case point.IsSmallOrder():
		return PublicKey{}, domain.Errorf(domain.Invalid, "key", "the public key is of small order, which proves nothing")
	}
	return k, nil
}

// String returns the key as 64 lowercase hex digits.
func (k PublicKey) String() string { return hex.EncodeToString(k.raw[:]) }

// IsZero reports whether k is no key.
func (k PublicKey) IsZero() bool { return k == PublicKey{} }

// ID returns the short name of the key.
func (k PublicKey) ID() KeyID {
	sum := sha256.Sum256(k.raw[:])
	return KeyID(hex.EncodeToString(sum[:keyIDBytes]))
}

// keyIDBytes is how much of the hash names a key: enough that nobody finds a
// second key with the same name by trying.
const keyIDBytes = 16

// A KeyID names a [PublicKey]: the first 16 bytes of the SHA-256 of its 32
// bytes, as 32 lowercase hex digits. The empty KeyID names no key.
type KeyID string

// ParseKeyID reads 32 lowercase hex digits (reason key_id).
func ParseKeyID(text string) (KeyID, error) {
	var raw [keyIDBytes]byte
	if !parseHex(raw[:], text) {
		return "", domain.Errorf(domain.Invalid, "key_id", "a key id is 32 lowercase hex digits")
	}
	return KeyID(text), nil
}

// A PrivateKey signs. The zero value is no key and must not sign.
//
// No verb of fmt prints the secret, not even of a struct with a PrivateKey in an
// unexported field, where fmt calls no methods but follows pointers: a function
// is the one thing that it cannot look into.
type PrivateKey struct {
	secret func() *[voi.PrivateKeySize]byte
}

// GenerateKey makes a key from 32 bytes of rand, which is crypto/rand.Reader
// but in tests. The same bytes make the same key.
func GenerateKey(rand io.Reader) (PrivateKey, error) {
	seed := make([]byte, ed25519.SeedSize)
	if _, err := io.ReadFull(rand, seed); err != nil {
		return PrivateKey{}, fmt.Errorf("generate key: %w", err)
	}
	return fromSeed(seed), nil
}

func fromSeed(seed []byte) PrivateKey {
	secret := [voi.PrivateKeySize]byte(voi.NewKeyFromSeed(seed))
	return PrivateKey{func() *[voi.PrivateKeySize]byte { return &secret }}
}

// pemType is the label of PKCS#8 (RFC 7468, section 10).
const pemType = "PRIVATE KEY"

// ParsePrivateKey reads a key file: one PEM block of PKCS#8 with an Ed25519 key
// (RFC 8410) and nothing after it. Errors (reason key) never repeat the file.
func ParsePrivateKey(file []byte) (PrivateKey, error) {
	block, rest := pem.Decode(file)
	if block == nil || block.Type != pemType || len(bytes.TrimSpace(rest)) > 0 {
		return PrivateKey{}, domain.Errorf(domain.Invalid, "key", "a key file is one PEM block %q", pemType)
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return PrivateKey{}, domain.Errorf(domain.Invalid, "key", "the key file holds no PKCS#8 key")
	}
	key, ok := parsed.(ed25519.PrivateKey)
	if !ok {
		return PrivateKey{}, domain.Errorf(domain.Invalid, "key", "the key in the file is not an Ed25519 key")
	}
	return fromSeed(key.Seed()), nil
}

// MarshalPEM returns the key file that [ParsePrivateKey] reads. It holds the
// secret: write it with mode 0600.
func (k PrivateKey) MarshalPEM() ([]byte, error) {
	if k.secret == nil {
		return nil, errors.New("marshal key: no key")
	}
	der, err := x509.MarshalPKCS8PrivateKey(ed25519.PrivateKey(k.secret()[:]))
	if err != nil {
		return nil, fmt.Errorf("marshal key: %w", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: pemType, Bytes: der}), nil
}

// IsZero reports whether k is no key.
func (k PrivateKey) IsZero() bool { return k.secret == nil }

// Public returns the key that checks what k signs.
func (k PrivateKey) Public() PublicKey {
	return PublicKey{[ed25519.PublicKeySize]byte(k.secret()[ed25519.SeedSize:])}
}

// Sign signs msg as RFC 8032 says for Ed25519.
func (k PrivateKey) Sign(msg []byte) Signature {
	return Signature(voi.Sign(k.secret()[:], msg))
}

// String names the key without its secret.
func (k PrivateKey) String() string {
	if k.secret == nil {
		return "no private key"
	}
	return "private key " + string(k.Public().ID())
}

// GoString is [PrivateKey.String].
func (k PrivateKey) GoString() string { return k.String() }

// Format writes [PrivateKey.String] whatever the verb.
func (k PrivateKey) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, k.String()) }

// A Signature is R ‖ S of Ed25519 (RFC 8032, section 5.1.6).
type Signature [ed25519.SignatureSize]byte

// ParseSignature reads 88 characters of standard base64 (reason signature).
func ParseSignature(text string) (Signature, error) {
	var s Signature
	if !parseBase64(standard, s[:], text) {
		return Signature{}, domain.Errorf(domain.Invalid, "signature", "a signature is 64 bytes in standard base64, 88 characters")
	}
	return s, nil
}

// IsZero reports whether s is no signature: it is none of any key.
func (s Signature) IsZero() bool { return s == Signature{} }

// String returns the signature in standard base64 with padding.
func (s Signature) String() string { return base64.StdEncoding.EncodeToString(s[:]) }
