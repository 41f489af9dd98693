package jsonrpc

import (
	"bytes"
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"

	"github.com/herocode/horus/domain"
)

// Info says about a method what its types do not.
type Info struct {
	Name        string        // required; what clients call it
	Summary     string        // one line
	Description string        // Markdown (CommonMark)
	Result      string        // what the result is called in the description; "result" if empty
	Mutates     bool          // it changes something, so it is refused as a notification
	Waits       bool          // its answer may take as long as what its caller waits for
	Deprecated  bool          // it is kept for old clients
	Credential  string        // its first parameter, when that is the caller's secret; see [Define]
	Errors      []domain.Code // what a caller must be ready for, beside what every call can meet
	Examples    []Example
}

// Example is a call and its answer.
type Example struct {
	Name    string // required
	Summary string
	Params  any // required; of the method's parameter type
	Result  any // of the method's result type
}

// Null is the result of a method that has nothing to say. It is null on the
// wire.
type Null struct{}

// MarshalJSON returns null.
func (Null) MarshalJSON() ([]byte, error) { return []byte("null"), nil }

// Method is a row of the method table, made by [Define].
type Method struct {
	Info

	input   reflect.Type
	params  []Param
	placed  []Param        // those that have a place by position
	byName  map[string]int // place of each parameter
	result  reflect.Type
	decode  func(object []byte) (any, error)                             // to a *P
	respond func(ctx context.Context, params any, w *bytes.Buffer) error // runs and writes the result
}

// Param is one parameter of a method.
type Param struct {
	Name     string              // from the json tag
	Required bool                // from the validate tag
	ByName   bool                // it has no place by position: its tag says place:"none"
	Field    reflect.StructField // of the parameter struct; its Index leads through embedded structs
}

// Params returns the parameters in positional order. The slice is the
// method's own.
func (m *Method) Params() []Param { return m.params }

// ParamsType returns the type of the parameter struct.
func (m *Method) ParamsType() reflect.Type { return m.input }

// ResultType returns the type of the result.
func (m *Method) ResultType() reflect.Type { return m.result }

// Appender is a result that writes itself, without reflection: for the few that
// are answered thousands of times a second.
type Appender interface {
	// AppendJSON appends the very text that package json makes of the result.
	AppendJSON(dst []byte) []byte
}

// Define makes a method of a function. P is a struct (fields of embedded
// structs count as its own); R is anything that marshals.
//
// A parameter that is [Info].Credential may be missing when the call came with
// a bearer token, by position too: then what is one short of all parameters
// begins with the second.
//
// The table is part of the program, so what is wrong in it is a bug: Define
// panics when there is no name, P is no struct, two parameters share a name, a
// credential is not the first parameter, or an example is of another type.
func Define[P, R any](info Info, call func(ctx context.Context, params P) (R, error)) Method {
	params, result := reflect.TypeFor[P](), reflect.TypeFor[R]()
	if info.Name == "" {
		panic("jsonrpc: a method without a name")
	}
	if params.Kind() != reflect.Struct {
		panic(fmt.Sprintf("jsonrpc: %s: %v is not a struct", info.Name, params))
	}
	for _, example := range info.Examples {
		if reflect.TypeOf(example.Params) != params {
			panic(fmt.Sprintf("jsonrpc: %s: example %q: params must be a %v", info.Name, example.Name, params))
		}
	}
	m := Method{
		Info:   info,
		input:  params,
		params: paramsOf(params, nil),
		result: result,
		decode: decodeTo[P],
		respond: func(ctx context.Context, params any, w *bytes.Buffer) error {
			r, err := call(ctx, *params.(*P))
			if err != nil {
				return err
			}
			if known, ok := any(&r).(Appender); ok {
				_, err = w.Write(known.AppendJSON(w.AvailableBuffer()))
				return err
			}
			return json.MarshalWrite(w, &r, json.Deterministic(true))
		},
	}
	m.placed = slices.DeleteFunc(slices.Clone(m.params), func(p Param) bool { return p.ByName })
	m.byName = make(map[string]int, len(m.params))
	for i, p := range m.params {
		if _, twice := m.byName[p.Name]; twice {
			panic(fmt.Sprintf("jsonrpc: %s: two parameters %q", info.Name, p.Name))
		}
		m.byName[p.Name] = i
	}
	if info.Credential != "" && (len(m.params) == 0 || m.params[0].Name != info.Credential) {
		panic(fmt.Sprintf("jsonrpc: %s: the credential %q is not the first parameter", info.Name, info.Credential))
	}
	return m
}

// paramsOf lists the fields of a parameter struct, those of embedded structs
// in their place. The index leads from the outermost struct to t.
func paramsOf(t reflect.Type, index []int) []Param {
	var params []Param
	for f := range t.Fields() {
		f.Index = slices.Concat(index, f.Index)
		name, tagged := jsonName(f)
		switch {
		case f.Anonymous && !tagged && f.Type.Kind() == reflect.Struct:
			params = append(params, paramsOf(f.Type, f.Index)...)
		case f.IsExported() && name != "-":
			params = append(params, Param{Name: name, Required: required(f), ByName: f.Tag.Get("place") == "none", Field: f})
		}
	}
	return params
}

// jsonName returns the name of a field on the wire and whether a tag gives it.
func jsonName(f reflect.StructField) (name string, tagged bool) {
	name, _, _ = strings.Cut(f.Tag.Get("json"), ",")
	if name == "" {
		return f.Name, false
	}
	return name, true
}

// required reports whether the validate tag asks for the field itself, not for
// its elements.
func required(f reflect.StructField) bool {
	for rule := range strings.SplitSeq(f.Tag.Get("validate"), ",") {
		switch rule {
		case "required":
			return true
		case "dive":
			return false
		}
	}
	return false
}
