package strictjson

import (
	"encoding"
	"errors"
	"fmt"
	"math"
	"reflect"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/spelling"
)

// A Scanner reads itself with a [Cursor], without reflection. It is lost where
// Decode would refuse the text, or would read another value than it can; Decode
// then sets it to its zero value and reads the text itself.
//
//	func (p *point) ScanJSON(c *strictjson.Cursor) {
//		for c.Object(); c.Member(); {
//			switch string(c.Name()) {
//			case "x":
//				p.X = c.Int()
//			case "y":
//				p.Y = c.Int()
//			default:
//				c.Lose()
//			}
//		}
//	}
type Scanner interface{ ScanJSON(c *Cursor) }

// scanned reports whether a value could read itself.
func scanned(data []byte, into any) bool {
	s, ok := into.(Scanner)
	if !ok {
		return false
	}
	c := NewCursor(data)
	if s.ScanJSON(&c); c.Done() {
		return true
	}
	reflect.ValueOf(into).Elem().SetZero()
	return false
}

// Decode checks data as [Check] does with zero limits and stores it in into,
// which must be a pointer that is not nil. Names match exactly or not at all,
// a member that into has no field for is refused, and nothing is converted:
// 1e2 and 1.0 are no integers, "1" is no number. As in encoding/json/v2, null
// stores the zero value; take a pointer field where null is not welcome. What is
// read often should be a [Scanner].
//
// An error in the text is a [*domain.Error] with code Invalid: the reasons of
// [Check], and unknown_member or type. A [*domain.Error] from a type's own
// unmarshalling method keeps its code, reason and message. The pointer
// (RFC 6901) names the member, and the message says what was expected there.
func Decode(data []byte, into any) error {
	if scanned(data, into) {
		return nil
	}
	if err := Check(data, Limits{}); err != nil {
		return err
	}
	err := json.Unmarshal(data, into, json.RejectUnknownMembers(true))
	if err == nil {
		return nil
	}
	semantic, ok := errors.AsType[*json.SemanticError](err)
	if !ok || !settable(into) {
		return fmt.Errorf("decode JSON into %T: %w", into, err)
	}
	return misfit(semantic)
}

// settable tells the caller's mistakes from the sender's.
func settable(into any) bool {
	v := reflect.ValueOf(into)
	return v.Kind() == reflect.Pointer && !v.IsNil()
}

// misfit translates an error about the meaning of a member.
func misfit(err *json.SemanticError) error {
	at := err.JSONPointer
	if own, ok := errors.AsType[*domain.Error](err.Err); ok {
		located := own.Within(string(at))
		located.Pointer = string(within(jsontext.Pointer(located.Pointer), maxPointer))
		return located
	}
	if errors.Is(err, json.ErrUnknownName) {
		return refuse("unknown_member", at, "member %s is not known here%s", quote(string(at)), meant(at.LastToken(), err.GoType))
	}
	return refuse("type", at, "%s must be %s", place(at), expected(err.GoType))
}

// meant asks for the member of a struct that an unknown one may stand for.
func meant(name string, t reflect.Type) string {
	if near := spelling.Nearest(name, memberNames(t)); near != "" {
		return "; did you mean " + near + "?"
	}
	return ""
}

// memberNames lists what a struct is read from, as its tags say.
func memberNames(t reflect.Type) []string {
	var names []string
	for _, field := range reflect.VisibleFields(t) {
		if name, _, _ := strings.Cut(field.Tag.Get("json"), ","); name != "" && name != "-" {
			names = append(names, name)
		}
	}
	return names
}

func place(at jsontext.Pointer) string {
	if at == "" {
		return "the value"
	}
	return "member " + quote(string(at))
}

// expected says in words which JSON a Go type is read from.
func expected(t reflect.Type) string {
	if t == nil {
		return "of another type"
	}
	if reflect.PointerTo(t).Implements(reflect.TypeFor[encoding.TextUnmarshaler]()) {
		return "a string in the form that belongs here"
	}
	switch t.Kind() {
	case reflect.Bool:
		return "true or false"
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		high := min(int64(math.MaxInt64)>>(64-t.Bits()), maxExact)
		return fmt.Sprintf("an integer from %d to %d", max(^(int64(math.MaxInt64)>>(64-t.Bits())), -maxExact), high)
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return fmt.Sprintf("an integer from 0 to %d", min(uint64(math.MaxUint64)>>(64-t.Bits()), maxExact))
	case reflect.Float32, reflect.Float64:
		return "a number"
	case reflect.String:
		return "a string"
	case reflect.Slice, reflect.Array:
		if t.Elem().Kind() == reflect.Uint8 {
			return "a string in base64"
		}
		return "an array"
	case reflect.Struct, reflect.Map:
		return "an object"
	case reflect.Pointer:
		return expected(t.Elem())
	default:
		return "of another type"
	}
}
