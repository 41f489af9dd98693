package jsonrpc

import (
	"reflect"
	"strconv"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/fixedjson"
	"github.com/herocode/horus/domain/strictjson"
)

// decodeTo decodes parameters in their named form; nil stands for none.
func decodeTo[P any](object []byte) (any, error) {
	params := new(P)
	if object == nil {
		return params, nil
	}
	if err := strictjson.Decode(object, params); err != nil {
		return nil, err
	}
	return params, nil
}

// named brings parameters, sent in any of the forms that the package comment
// lists, into the form by name; nil if there are none. bearer says whether the
// call came with a bearer token.
func (m *Method) named(params []byte, bearer bool) ([]byte, error) {
	switch {
	case params == nil:
		return nil, nil
	case params[0] == '{':
		return m.unwrap(params), nil
	case params[0] == '[':
		return m.fromArray(params, bearer)
	}
	return nil, domain.Errorf(domain.Invalid, "type", "params must be an object or an array")
}

// unwrap takes the parameters out of {"params": {…}}.
func (m *Method) unwrap(object []byte) []byte {
	if _, taken := m.byName["params"]; taken {
		return object
	}
	var inner []byte
	count := 0
	for name, value := range members(object) {
		if count++; string(text(name)) == "params" && value[0] == '{' {
			inner = value
		}
	}
	if count == 1 && inner != nil {
		return inner
	}
	return object
}

func (m *Method) fromArray(array []byte, bearer bool) ([]byte, error) {
	var values [][]byte
	for value := range elements(array) {
		if values = append(values, value); len(values) > len(m.placed) && !m.isNamed(values) {
			return nil, tooMany(len(values) - 1)
		}
	}
	switch {
	case len(values) == 0:
		return nil, nil
	case m.isNamed(values):
		return values[0], nil
	}
	params := m.placed
	if m.Credential != "" && bearer && len(values) == len(params)-1 {
		params = params[1:]
	}
	object := make([]byte, 0, len(array)+24*len(values))
	for i, value := range values {
		object = append(object, "{,"[min(i, 1)])
		object = fixedjson.AppendString(object, params[i].Name)
		object = append(object, ':')
		object = append(object, value...)
	}
	return append(object, '}'), nil
}

func tooMany(index int) error {
	err := domain.Errorf(domain.Invalid, "too_many", "there are at most %d parameters", index)
	err.Pointer = "/" + strconv.Itoa(index)
	return err
}

// isNamed reports whether the elements of an array are one object that holds
// the parameters by name.
func (m *Method) isNamed(values [][]byte) bool {
	if len(values) != 1 || values[0][0] != '{' {
		return false
	}
	empty := true
	for name := range members(values[0]) {
		if _, known := m.byName[string(text(name))]; !known {
			return false
		}
		empty = false
	}
	return !empty || len(m.params) == 0 || !isObject(m.params[0].Field.Type)
}

// isObject reports whether values of t are objects on the wire, as far as its
// kind tells.
func isObject(t reflect.Type) bool {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t.Kind() == reflect.Struct || t.Kind() == reflect.Map
}
