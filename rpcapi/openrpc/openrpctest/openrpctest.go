// Package openrpctest checks OpenRPC documents against the official
// meta-schema, offline. It is meant for tests only.
package openrpctest

import (
	"bytes"
	_ "embed"
	"fmt"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

//go:embed testdata/openrpc-meta-schema.json
var metaSchema []byte

const (
	metaSchemaID = "https://meta.open-rpc.org/"
	draft07      = "http://json-schema.org/draft-07/schema#"
)

// Validate returns nil if document is valid OpenRPC, and else an error that
// lists what is wrong and where.
func Validate(document []byte) error {
	schema, err := compile()
	if err != nil {
		return err
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(document))
	if err != nil {
		return fmt.Errorf("parse document: %w", err)
	}
	return schema.Validate(value)
}

// compile makes the meta-schema self-contained: it refers to a dialect that is
// only found on the web (https://meta.json-schema.tools) and says what draft-07
// says, and to one definition in it, of what a $ref is.
func compile() (*jsonschema.Schema, error) {
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(metaSchema))
	if err != nil {
		return nil, fmt.Errorf("parse meta-schema: %w", err)
	}
	value.(map[string]any)["$schema"] = draft07
	compiler := jsonschema.NewCompiler()
	resources := map[string]any{metaSchemaID: value}
	for _, id := range []string{"https://meta.json-schema.tools", "https://meta.json-schema.tools/"} {
		resources[id] = map[string]any{
			"$schema": draft07,
			"allOf":   []any{map[string]any{"$ref": draft07}},
			"definitions": map[string]any{"JSONSchemaObject": map[string]any{
				"properties": map[string]any{"$ref": map[string]any{"type": "string", "format": "uri-reference"}},
			}},
		}
	}
	for id, resource := range resources {
		if err := compiler.AddResource(id, resource); err != nil {
			return nil, fmt.Errorf("add %s: %w", id, err)
		}
	}
	schema, err := compiler.Compile(metaSchemaID)
	if err != nil {
		return nil, fmt.Errorf("compile meta-schema: %w", err)
	}
	return schema, nil
}
