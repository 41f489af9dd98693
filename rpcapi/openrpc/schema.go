package openrpc

import (
	"encoding"
	stdjson "encoding/json"
	"reflect"
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
