package openrpc

import (
	"encoding"
	stdjson "encoding/json"
	"reflect"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/invopop/jsonschema"

	"github.com/herocode/horus/rpcapi/jsonrpc"
)

// schemaOf returns the schema of what t is marshalled to, without references.
func schemaOf(t reflect.Type) *jsonschema.Schema {
	reflector := jsonschema.Reflector{
		Anonymous:      true,
		ExpandedStruct: true,
		DoNotReference: true,
		Mapper:         special,
	}
	schema := reflector.ReflectFromType(t)
	schema.Version = "" // said once, by the meta-schema of OpenRPC
	explain(schema, t)
	return schema
}

// docTag is the tag that says what a field means.
const docTag = "doc"

// explain writes the doc tags of a struct's fields into its schema, and those
// of the structs within.
func explain(schema *jsonschema.Schema, t reflect.Type) {
	switch t.Kind() {
	case reflect.Pointer:
		explain(schema, t.Elem())
	case reflect.Slice, reflect.Array:
		if schema.Items != nil {
			explain(schema.Items, t.Elem())
		}
	case reflect.Map:
		if schema.AdditionalProperties != nil {
			explain(schema.AdditionalProperties, t.Elem())
		}
	case reflect.Struct:
		explainFields(schema, t)
	default:
	}
}

func explainFields(schema *jsonschema.Schema, t reflect.Type) {
	if schema.Properties == nil {
		return
	}
	for f := range t.Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "" && f.Anonymous {
			explain(schema, f.Type)
			continue
		}
		if property, ok := schema.Properties.Get(name); ok {
			if doc := f.Tag.Get(docTag); doc != "" {
				property.Description = doc
			}
			explain(property, f.Type)
		}
	}
}

// Alternatives is for types that take their text in as it stands, to be read
// later: what may be in it is described by the types returned.
type Alternatives interface{ Alternatives() []reflect.Type }

// anyOf describes a value that is of one of several types.
func anyOf(types []reflect.Type) *jsonschema.Schema {
	schema := &jsonschema.Schema{}
	for _, t := range types {
		schema.AnyOf = append(schema.AnyOf, inputSchemaOf(t))
	}
	return schema
}

// inputSchemaOf returns the schema of what is accepted for t: what is required,
// and within which bounds, comes from the validate tags.
func inputSchemaOf(t reflect.Type) *jsonschema.Schema {
	schema := schemaOf(t)
	bindStruct(schema, t)
	return schema
}

// special returns the schema of types that marshal to something else than
// their kind says; nil for all others.
func special(t reflect.Type) *jsonschema.Schema {
	switch {
	case t == reflect.TypeFor[time.Time](), implements[interface{ JSONSchema() *jsonschema.Schema }](t):
		return nil // the reflector knows
	case implements[Alternatives](t):
		return anyOf(reflect.Zero(t).Interface().(Alternatives).Alternatives())
	case t == reflect.TypeFor[jsonrpc.Null]():
		return &jsonschema.Schema{Type: "null"}
	case t == reflect.TypeFor[jsontext.Value](), implements[stdjson.Marshaler](t), implements[json.MarshalerTo](t):
		return &jsonschema.Schema{} // anything
	case implements[encoding.TextMarshaler](t):
		return &jsonschema.Schema{Type: "string"}
	case t.Kind() == reflect.Array && t.Elem().Kind() == reflect.Uint8:
		return &jsonschema.Schema{Type: "string", ContentEncoding: "base64"}
	}
	return nil
}

func implements[I any](t reflect.Type) bool {
	return t.Implements(reflect.TypeFor[I]()) || reflect.PointerTo(t).Implements(reflect.TypeFor[I]())
}
