package openrpc

import (
	"encoding/json"
	"reflect"
	"strconv"
	"strings"

	"github.com/invopop/jsonschema"

	"github.com/herocode/horus/rpcapi/jsonrpc"
)

// bindStruct writes the validate tags of a struct's fields into its schema,
// and those of the structs within. A schema that does not look like a struct
// (a time, an id) has nothing to bind.
func bindStruct(schema *jsonschema.Schema, t reflect.Type) {
	if t.Kind() != reflect.Struct || schema.Properties == nil {
		return
	}
	schema.Required = nil
	bindFields(schema, t)
}

func bindFields(schema *jsonschema.Schema, t reflect.Type) {
	for f := range t.Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "" && f.Anonymous {
			bindFields(schema, f.Type)
			continue
		}
		if name == "" {
			name = f.Name
		}
		property, ok := schema.Properties.Get(name)
		if !ok {
			continue
		}
		rules := splitRules(f.Tag.Get("validate"))
		if rules.has("required") {
			schema.Required = append(schema.Required, name)
		}
		bind(property, f.Type, rules, f.Tag.Get(jsonrpc.PatternRule))
	}
}

// bind writes rules into the schema of a value of type t.
func bind(schema *jsonschema.Schema, t reflect.Type, rules rules, pattern string) {
	pointer := t.Kind() == reflect.Pointer
	if pointer {
		t = t.Elem()
	}
	if rules.has("required") && !pointer && schema.Type == "string" {
		schema.MinLength = number(1) // the empty string counts as missing
	}
	if reflect.Uint <= t.Kind() && t.Kind() <= reflect.Uint64 && schema.Type == "integer" {
		schema.Minimum = "0"
	}
	for _, r := range rules.own {
		r.bind(schema, pattern)
	}
	bindStruct(schema, t)
	switch {
	case schema.Items != nil:
		bind(schema.Items, t.Elem(), splitRules(rules.elements), pattern)
	case schema.AdditionalProperties != nil && t.Kind() == reflect.Map:
		bind(schema.AdditionalProperties, t.Elem(), splitRules(rules.elements), pattern)
		if rules.keys != "" {
			schema.PropertyNames = &jsonschema.Schema{Type: "string"}
			bind(schema.PropertyNames, t.Key(), splitRules(rules.keys), pattern)
		}
	}
}

// rule is one rule of a validate tag: name or name=param.
type rule struct{ name, param string }

// rules is a validate tag: what holds for the value itself, and for the keys
// and elements in it.
type rules struct {
	own      []rule
	keys     string
	elements string
}

func splitRules(tag string) rules {
	var r rules
	own, elements, _ := strings.Cut(","+tag+",", ",dive,")
	if keys, found := strings.CutPrefix(elements, "keys,"); found {
		r.keys, elements, _ = strings.Cut(keys, ",endkeys,")
	}
	r.elements = strings.Trim(elements, ",")
	for word := range strings.SplitSeq(strings.Trim(own, ","), ",") {
		name, param, _ := strings.Cut(word, "=")
		r.own = append(r.own, rule{name: name, param: param})
	}
	return r
}

func (r rules) has(name string) bool {
	for _, rule := range r.own {
		if rule.name == name {
			return true
		}
	}
	return false
}

// bind writes one rule into a schema. A rule that schemas have no word for is
// left to the server.
func (r rule) bind(schema *jsonschema.Schema, pattern string) {
	switch r.name {
	case jsonrpc.PatternRule:
		schema.Pattern = pattern
	case "unique":
		schema.UniqueItems = true
	case "oneof":
		for value := range strings.FieldsSeq(r.param) {
			schema.Enum = append(schema.Enum, enumValue(schema.Type, value))
		}
	default:
		if schema.Type == "integer" || schema.Type == "number" {
			r.bindNumber(schema)
		} else if n, err := strconv.ParseUint(r.param, 10, 64); err == nil {
			r.bindSize(schema, n)
		}
	}
}

func enumValue(kind, value string) any {
	if kind == "integer" || kind == "number" {
		return json.Number(value)
	}
	return value
}

func (r rule) bindNumber(schema *jsonschema.Schema) {
	n := json.Number(r.param)
	switch r.name {
	case "min", "gte":
		schema.Minimum = n
	case "max", "lte":
		schema.Maximum = n
	case "gt":
		schema.ExclusiveMinimum = n
	case "lt":
		schema.ExclusiveMaximum = n
	case "len", "eq":
		schema.Const = n
	}
}

// bindSize bounds the length of a string, an array or a map.
func (r rule) bindSize(schema *jsonschema.Schema, n uint64) {
	low, high := sizeOf(schema)
	if low == nil {
		return
	}
	switch r.name {
	case "min", "gte":
		*low = number(n)
	case "max", "lte":
		*high = number(n)
	case "gt":
		*low = number(n + 1)
	case "lt":
		*high = number(max(n, 1) - 1)
	case "len":
		*low, *high = number(n), number(n)
	}
}

// sizeOf returns where a schema keeps its bounds of size; nil if it has none.
func sizeOf(schema *jsonschema.Schema) (low, high **uint64) {
	switch schema.Type {
	case "string":
		return &schema.MinLength, &schema.MaxLength
	case "array":
		return &schema.MinItems, &schema.MaxItems
	case "object":
		return &schema.MinProperties, &schema.MaxProperties
	}
	return nil, nil
}

func number(n uint64) *uint64 { return &n }
