// Package strictjson is the one place where JSON from outside is judged.
//
// Its promise: a text that passes [Check] means the same to every reader. It is
// one UTF-8 value with unique member names, bounded depth and only numbers that
// any language can hold. [Decode] adds that the text fits a Go value exactly:
// no unknown member, no folded case, no converted type.
//
//	var params struct {
//		ID string `json:"id"`
//	}
//	if err := strictjson.Decode(body, &params); err != nil {
//		return err // a *domain.Error with Code, Reason and Pointer
//	}
//
// What is signed must not be encoded again: [Members] hands out the bytes of
// an object's values as they stand, so that they can be copied word for word.
package strictjson
