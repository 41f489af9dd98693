// Package openrpc describes a method table as an OpenRPC 1.3.2 document
// (https://spec.open-rpc.org), which clients and their generators read.
//
// The description is made from what the server itself obeys: names and order
// from the parameter structs, bounds from their `validate` tags. It cannot say
// something else than the server does.
//
//	document, err := openrpc.Document(openrpc.Info{Title: "Horus", Version: "1.0.0"}, methods)
//
// The same table always gives the same bytes. What tags cannot say otherwise
// is said with these, on fields of parameters and results alike:
//
//	doc:"seconds until the job is killed"
//	jsonschema:"default=300,example=60"
//	validate:"pattern" pattern:"^[a-z]+$"
package openrpc

import (
	"fmt"
	"reflect"

	"github.com/go-json-experiment/json"
	"github.com/invopop/jsonschema"

	"github.com/herocode/horus/rpcapi/jsonrpc"
)

// Version is the version of OpenRPC that documents are written in.
const Version = "1.3.2"

// Info says what the API is.
type Info struct {
	Title       string `json:"title"`                 // required
	Version     string `json:"version"`               // required; of the API
	Description string `json:"description,omitempty"` // Markdown
}

type document struct {
	OpenRPC string   `json:"openrpc"`
	Info    Info     `json:"info"`
	Methods []method `json:"methods"`
}

type method struct {
	Name           string       `json:"name"`
	Summary        string       `json:"summary,omitempty"`
	Description    string       `json:"description,omitempty"`
	Deprecated     bool         `json:"deprecated,omitzero"`
	ParamStructure string       `json:"paramStructure"`
	Params         []descriptor `json:"params"`
	Result         descriptor   `json:"result"`
	Errors         []rpcError   `json:"errors,omitempty"`
	Examples       []pairing    `json:"examples,omitempty"`
}

// descriptor is what OpenRPC calls a content descriptor.
type descriptor struct {
	Name        string             `json:"name"`
	Description string             `json:"description,omitempty"`
	Required    bool               `json:"required,omitzero"`
	Schema      *jsonschema.Schema `json:"schema"`
}

type rpcError struct {
	Code    int    `json:"code"`
	Message string `json:"message"`
}

// pairing is a call and its answer.
type pairing struct {
	Name        string    `json:"name"`
	Description string    `json:"description,omitempty"`
	Params      []example `json:"params"`
	Result      example   `json:"result"`
}

type example struct {
	Name  string `json:"name"`
	Value any    `json:"value"`
}

// Document returns the description of a method table as JSON, the methods in
// the order given. It fails when an example cannot be marshalled.
func Document(info Info, methods []jsonrpc.Method) ([]byte, error) {
	doc := document{OpenRPC: Version, Info: info}
	for _, m := range methods {
		doc.Methods = append(doc.Methods, describe(m))
	}
	text, err := json.Marshal(doc, json.Deterministic(true))
	if err != nil {
		return nil, fmt.Errorf("marshal OpenRPC document: %w", err)
	}
	return text, nil
}

func describe(m jsonrpc.Method) method {
	d := method{
		Name:           m.Name,
		Summary:        m.Summary,
		Description:    m.Description,
		Deprecated:     m.Deprecated,
		ParamStructure: "either",
		Result:         descriptor{Name: resultName(m), Required: true, Schema: schemaOf(m.ResultType())},
	}
	input := inputSchemaOf(m.ParamsType())
	for _, p := range m.Params() {
		schema, _ := input.Properties.Get(p.Name)
		description := schema.Description
		schema.Description = "" // said once, by the descriptor
		d.Params = append(d.Params, descriptor{
			Name: p.Name, Description: description, Required: p.Required, Schema: schema,
		})
	}
	for _, code := range m.Errors {
		d.Errors = append(d.Errors, rpcError{Code: jsonrpc.Number(code), Message: code.String()})
	}
	for _, e := range m.Examples {
		d.Examples = append(d.Examples, pair(m, e))
	}
	return d
}

// pair shows the parameters of an example that a caller would write: what is
// optional and zero is left out.
func pair(m jsonrpc.Method, e jsonrpc.Example) pairing {
	p := pairing{Name: e.Name, Description: e.Summary, Result: example{Name: resultName(m), Value: e.Result}}
	params := reflect.ValueOf(e.Params)
	for _, param := range m.Params() {
		value := params.FieldByIndex(param.Field.Index)
		if param.Required || !value.IsZero() {
			p.Params = append(p.Params, example{Name: param.Name, Value: value.Interface()})
		}
	}
	return p
}

func resultName(m jsonrpc.Method) string {
	if m.Info.Result == "" {
		return "result"
	}
	return m.Info.Result
}
