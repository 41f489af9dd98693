package signing

import (
	"encoding/base64"
	"strconv"
	"strings"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/fixedjson"
	"github.com/herocode/horus/domain/strictjson"
)

// maxSignatures bounds how many signatures one envelope carries: each is work
// for whoever checks it.
const maxSignatures = 8

// PAE returns what a DSSE signature signs: the pre-authentication encoding of
// the type and the payload (DSSE v1, "DSSEv1" SP LEN SP type SP LEN SP payload).
func PAE(payloadType string, payload []byte) []byte {
	text := make([]byte, 0, len("DSSEv1 ")+20+len(payloadType)+20+len(payload)+3)
	text = append(text, "DSSEv1 "...)
	text = strconv.AppendInt(text, int64(len(payloadType)), 10)
	text = append(append(append(text, ' '), payloadType...), ' ')
	text = strconv.AppendInt(text, int64(len(payload)), 10)
	return append(append(text, ' '), payload...)
}

// An Envelope is a payload with its type and its signatures, as DSSE defines
// it (https://github.com/secure-systems-lab/dsse). Each signature signs
// PAE(PayloadType, Payload).
type Envelope struct {
	PayloadType string
	Payload     []byte
	Signatures  []EnvelopeSignature
}

// EnvelopeSignature is one signature. KeyID is a hint of the signer's, not
// signed and possibly empty.
type EnvelopeSignature struct {
	KeyID     string
	Signature Signature
}

// ParseEnvelope reads an envelope in JSON. Base64 is the standard or the
// URL-safe one, as DSSE asks of readers, always with padding. It is stricter
// than DSSE in that members that DSSE does not name are refused, and that there
// are 1 to 8 signatures. Trouble with signatures has the code
// [domain.Unauthenticated] and the reason signature or signatures; everything
// else has [domain.Invalid] and the reason payload or one of package
// strictjson.
func ParseEnvelope(data []byte) (Envelope, error) {
	var wire wireEnvelope
	if err := strictjson.Decode(data, &wire); err != nil {
		return Envelope{}, err
	}
	if wire.PayloadType == "" {
		return Envelope{}, invalidAt("/payloadType", "payload", "an envelope names the type of its payload")
	}
	e := Envelope{PayloadType: wire.PayloadType}
	var ok bool
	if wire.Payload != nil {
		e.Payload, ok = decodeBase64(*wire.Payload)
	}
	if !ok {
		return Envelope{}, invalidAt("/payload", "payload", "a payload is base64 with padding")
	}
	if n := len(wire.Signatures); n < 1 || n > maxSignatures {
		return Envelope{}, unsigned("/signatures", "signatures", "an envelope has 1 to 8 signatures")
	}
	e.Signatures = make([]EnvelopeSignature, len(wire.Signatures))
	for i, s := range wire.Signatures {
		raw, ok := decodeBase64(s.Sig)
		if !ok || len(raw) != len(Signature{}) {
			return Envelope{}, unsigned("/signatures/"+strconv.Itoa(i)+"/sig", "signature", "a signature is 64 bytes in base64")
		}
		e.Signatures[i] = EnvelopeSignature{KeyID: s.KeyID, Signature: Signature(raw)}
	}
	return e, nil
}

// wireEnvelope is an envelope as JSON has it.
type wireEnvelope struct {
	PayloadType string          `json:"payloadType"`
	Payload     *string         `json:"payload"`
	Signatures  []wireSignature `json:"signatures"`
}

type wireSignature struct {
	KeyID string `json:"keyid"`
	Sig   string `json:"sig"`
}

// ScanJSON implements [strictjson.Scanner].
func (e *wireEnvelope) ScanJSON(c *strictjson.Cursor) {
	for c.Object(); c.Member(); {
		switch string(c.Name()) {
		case "payloadType":
			e.PayloadType = c.Text()
		case "payload":
			e.Payload = new(c.Text())
		case "signatures":
			for c.Array(); c.Element(); {
				e.Signatures = append(e.Signatures, scanSignature(c))
			}
		default:
			c.Lose()
		}
	}
}

func scanSignature(c *strictjson.Cursor) (s wireSignature) {
	for c.Object(); c.Member(); {
		switch string(c.Name()) {
		case "keyid":
			s.KeyID = c.Text()
		case "sig":
			s.Sig = c.Text()
		default:
			c.Lose()
		}
	}
	return s
}

// Append appends the envelope in JSON, without white space and with its members
// in the order of RFC 8785, to dst.
func (e Envelope) Append(dst []byte) []byte {
	dst = append(dst, `{"payload":"`...)
	dst = base64.StdEncoding.AppendEncode(dst, e.Payload)
	dst = append(dst, `","payloadType":`...)
	dst = fixedjson.AppendString(dst, e.PayloadType)
	dst = append(dst, `,"signatures":[`...)
	for i, s := range e.Signatures {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, `{"keyid":`...)
		dst = fixedjson.AppendString(dst, s.KeyID)
		dst = append(dst, `,"sig":"`...)
		dst = base64.StdEncoding.AppendEncode(dst, s.Signature[:])
		dst = append(dst, `"}`...)
	}
	return append(dst, "]}"...)
}

// decodeBase64 decodes either alphabet of RFC 4648, with padding, in the one
// spelling that the bytes have in it.
func decodeBase64(text string) ([]byte, bool) {
	if strings.ContainsAny(text, "-_") {
		text = strings.NewReplacer("-", "+", "_", "/").Replace(text)
	}
	raw, err := standard.DecodeString(text)
	return raw, err == nil && standard.EncodedLen(len(raw)) == len(text)
}

func invalidAt(pointer, reason, message string) error {
	return &domain.Error{Code: domain.Invalid, Reason: reason, Message: message, Pointer: pointer}
}

func unsigned(pointer, reason, message string) error {
	return &domain.Error{Code: domain.Unauthenticated, Reason: reason, Message: message, Pointer: pointer}
}
