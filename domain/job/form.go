package job

import (
	"bytes"
	"iter"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/strictjson"
)

// Form says how a job was signed, and so over which bytes.
type Form string

// The forms.
const (
	// FormDSSE is a DSSE envelope: the signature covers the document's exact
	// bytes, alone ([PayloadType]) or in company ([Bulk]).
	FormDSSE Form = "dsse"
	// FormJCS is a document with a signatures member: each signature covers
	// the RFC 8785 form of the document without that member.
	FormJCS Form = "jcs"
	// FormUnsigned is a document without a signature. The supervisor's seal
	// stands for the holder of the API key that sent it.
	FormUnsigned Form = "unsigned"
)

func parseForm(text []byte) (Form, error) {
	for _, f := range [...]Form{FormDSSE, FormJCS, FormUnsigned} {
		if string(text) == string(f) {
			return f, nil
		}
	}
	return "", errForm()
}

func errForm() error {
	return domain.Errorf(domain.Invalid, "form", "a job's form is dsse, jcs or unsigned")
}

// formOf tells a form by the names of its members.
func formOf(members iter.Seq2[strictjson.Member, error]) (Form, error) {
	form := FormUnsigned
	for m, err := range members {
		if err != nil {
			return "", err
		}
		switch m.Name {
		case "payloadType": // wherever it stands: an envelope has signatures too
			return FormDSSE, nil
		case "signatures":
			if !noSignatures(m.Value) {
				form = FormJCS
			}
		}
	}
	return form, nil
}

// scanForm is formOf for texts that a [strictjson.Cursor] can read.
func scanForm(data []byte) (form Form, ok bool) {
	form = FormUnsigned
	c := strictjson.NewCursor(data)
	for c.Object(); c.Member(); {
		switch string(c.Name()) {
		case "payloadType":
			return FormDSSE, true
		case "signatures":
			if !noSignatures(c.Skip()) {
				form = FormJCS
			}
		default:
			c.Skip()
		}
	}
	return form, c.Done()
}

func noSignatures(value []byte) bool {
	return len(bytes.Trim(value, "[] \t\r\n")) == 0 || string(value) == "null"
}
