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

	"github.com/decred/dcrd/dcrec/secp256k1/v4"
	"github.com/oasisprotocol/curve25519-voi/curve"
	voi "github.com/oasisprotocol/curve25519-voi/primitives/ed25519"

	"github.com/herocode/horus/domain"
)

// An Algorithm is how a key signs. The text of a key says which it is.
type Algorithm string

// The algorithms.
const (
	Ed25519   Algorithm = "ed25519"   // RFC 8032, judged by ZIP-215
	Secp256k1 Algorithm = "secp256k1" // ECDSA over SHA-256 (FIPS 186-5, SEC 2), with low S
)

// A PublicKey is a key that [ParsePublicKey] accepted or that belongs to a
// [PrivateKey]. It is comparable; the zero value is no key, and no signature is
// good under it.
type PublicKey struct {
	// raw is the 32 bytes of an Ed25519 key and a zero, or the x of a secp256k1
	// point and what says which y it has, 2 or 3 (SEC 1, section 2.3.3).
	raw [33]byte
}

// ParsePublicKey reads the text form of a key in lowercase hex digits: 64 of an
// Ed25519 key, or 66, beginning with 02 or 03, of a compressed secp256k1 key. A
// key of small order, under which one signature is good for many messages, and
// a second encoding of a point are refused (reason key).
func ParsePublicKey(text string) (PublicKey, error) {
	if len(text) == 2*secp256k1.PubKeyBytesLenCompressed {
		return parseSecp256k1(text)
	}
	return ParseEd25519(text)
}

// ParseEd25519 is [ParsePublicKey] where no other algorithm may be used.
func ParseEd25519(text string) (PublicKey, error) {
	var raw [ed25519.PublicKeySize]byte
	if !parseHex(raw[:], text) {
		return PublicKey{}, domain.Errorf(domain.Invalid, "key",
			"a public key is 64 lowercase hex digits for Ed25519, or 66 for a compressed secp256k1 key")
	}
	compressed := curve.CompressedEdwardsY(raw)
	var point curve.EdwardsPoint
	switch _, err := point.SetCompressedY(&compressed); {
	case err != nil:
		return PublicKey{}, domain.Errorf(domain.Invalid, "key", "the public key is no point of the curve")
	case !compressed.IsCanonicalVartime():
		return PublicKey{}, domain.Errorf(domain.Invalid, "key", "the public key is not in its canonical encoding")
	case point.IsSmallOrder():
		return PublicKey{}, domain.Errorf(domain.Invalid, "key", "the public key is of small order, which proves nothing")
	}
	return ed25519Key(raw[:]), nil
}

func ed25519Key(raw []byte) PublicKey {
	var k PublicKey
	copy(k.raw[:], raw[:ed25519.PublicKeySize])
	return k
}

// Algorithm returns how the key signs; that of no key is Ed25519.
func (k PublicKey) Algorithm() Algorithm {
	if k.raw[32] == 0 {
		return Ed25519
	}
	return Secp256k1
}

// bytes returns the key as its own standard writes it.
func (k *PublicKey) bytes() []byte {
	if k.Algorithm() == Ed25519 {
		return k.raw[:32]
	}
	return append(append(make([]byte, 0, len(k.raw)), k.raw[32]), k.raw[:32]...)
}

// String returns the key in lowercase hex digits.
func (k PublicKey) String() string { return hex.EncodeToString(k.bytes()) }

// IsZero reports whether k is no key.
func (k PublicKey) IsZero() bool { return k == PublicKey{} }

// ID returns the short name of the key.
func (k PublicKey) ID() KeyID {
	sum := sha256.Sum256(k.bytes())
	return KeyID(hex.EncodeToString(sum[:keyIDBytes]))
}

// keyIDBytes is how much of the hash names a key: enough that nobody finds a
// second key with the same name by trying.
const keyIDBytes = 16

// A KeyID names a [PublicKey]: the first 16 bytes of the SHA-256 of its 32
// bytes (33 of secp256k1), as 32 lowercase hex digits. The empty KeyID names no key.
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
	secret func() signer
}

// A signer is the secret of one algorithm.
type signer interface {
	public() PublicKey
	sign(msg []byte) Signature
	marshal() ([]byte, error) // as PKCS#8 (RFC 5208)
}

// GenerateKey makes an Ed25519 key from 32 bytes of rand, which is
// crypto/rand.Reader but in tests. The same bytes make the same key.
func GenerateKey(rand io.Reader) (PrivateKey, error) {
	seed := make([]byte, ed25519.SeedSize)
	if _, err := io.ReadFull(rand, seed); err != nil {
		return PrivateKey{}, fmt.Errorf("generate key: %w", err)
	}
	return fromSeed(seed), nil
}

func fromSeed(seed []byte) PrivateKey {
	secret := ed25519Secret(voi.NewKeyFromSeed(seed))
	return PrivateKey{func() signer { return &secret }}
}

// An ed25519Secret is a seed and its public key.
type ed25519Secret [voi.PrivateKeySize]byte

func (s *ed25519Secret) public() PublicKey { return ed25519Key(s[ed25519.SeedSize:]) }

func (s *ed25519Secret) sign(msg []byte) Signature { return Signature(voi.Sign(s[:], msg)) }

func (s *ed25519Secret) marshal() ([]byte, error) {
	return x509.MarshalPKCS8PrivateKey(ed25519.PrivateKey(s[:]))
}

// pemType is the label of PKCS#8 (RFC 7468, section 10).
const pemType = "PRIVATE KEY"

// ParsePrivateKey reads a key file: one PEM block of PKCS#8 with an Ed25519 key
// (RFC 8410) or a secp256k1 key (RFC 5915) and nothing after it. Errors (reason
// key) never repeat the file.
func ParsePrivateKey(file []byte) (PrivateKey, error) {
	block, rest := pem.Decode(file)
	if block == nil || block.Type != pemType || len(bytes.TrimSpace(rest)) > 0 {
		return PrivateKey{}, domain.Errorf(domain.Invalid, "key", "a key file is one PEM block %q", pemType)
	}
	if k, ok := parseSecp256k1Secret(block.Bytes); ok {
		return k, nil
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return PrivateKey{}, domain.Errorf(domain.Invalid, "key", "the key file holds no PKCS#8 key of Ed25519 or secp256k1")
	}
	key, ok := parsed.(ed25519.PrivateKey)
	if !ok {
		return PrivateKey{}, domain.Errorf(domain.Invalid, "key", "the key in the file is no Ed25519 key, and none of secp256k1")
	}
	return fromSeed(key.Seed()), nil
}

// MarshalPEM returns the key file that [ParsePrivateKey] reads. It holds the
// secret: write it with mode 0600.
func (k PrivateKey) MarshalPEM() ([]byte, error) {
	if k.secret == nil {
		return nil, errors.New("marshal key: no key")
	}
	der, err := k.secret().marshal()
	if err != nil {
		return nil, fmt.Errorf("marshal key: %w", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: pemType, Bytes: der}), nil
}

// IsZero reports whether k is no key.
func (k PrivateKey) IsZero() bool { return k.secret == nil }

// Public returns the key that checks what k signs.
func (k PrivateKey) Public() PublicKey { return k.secret().public() }

// Sign signs msg: as RFC 8032 says for Ed25519, or with ECDSA over SHA-256 and
// the nonce of RFC 6979. Either way the same message has the same signature.
func (k PrivateKey) Sign(msg []byte) Signature { return k.secret().sign(msg) }

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

// A Signature is R ‖ S of Ed25519 (RFC 8032, section 5.1.6), or r ‖ s of ECDSA,
// each 32 bytes, big-endian (IEEE P1363).
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
