package openrpc

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
)

// shape is what the reference says of a JSON schema.
type shape struct {
	Type        string          `json:"type"`
	Description string          `json:"description"`
	Properties  members         `json:"properties"`
	Additional  json.RawMessage `json:"additionalProperties"`
	Required    []string        `json:"required"`
	Items       *shape          `json:"items"`
	AnyOf       []shape         `json:"anyOf"`
	Enum        []any           `json:"enum"`
	Default     any             `json:"default"`
	Minimum     *json.Number    `json:"minimum"`
	Maximum     *json.Number    `json:"maximum"`
	MinLength   *int            `json:"minLength"`
	MaxLength   *int            `json:"maxLength"`
	MaxItems    *int            `json:"maxItems"`
	MaxMembers  *int            `json:"maxProperties"`
}

// UnmarshalJSON implements [json.Unmarshaler]. The schema true takes anything.
func (s *shape) UnmarshalJSON(text []byte) error {
	if string(text) == "true" {
		return nil
	}
	type plain shape
	return json.Unmarshal(text, (*plain)(s))
}

// members are properties in the order in which they are written.
type members []member

type member struct {
	name  string
	shape shape
}

// UnmarshalJSON implements [json.Unmarshaler]: a map would lose the order.
func (m *members) UnmarshalJSON(text []byte) error {
	d := json.NewDecoder(bytes.NewReader(text))
	if _, err := d.Token(); err != nil {
		return err
	}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return err
		}
		one := member{name: fmt.Sprint(name)}
		if err := d.Decode(&one.shape); err != nil {
			return err
		}
		*m = append(*m, one)
	}
	return nil
}

// table is rows of Markdown: a name, what it may be, what it means.
type table []string

func (t table) String() string { return strings.Join(t, "") }

// add adds a row, and one for each member below it, named by its path.
func (t *table) add(name string, required bool, description string, s shape) {
	if s.Type != "object" || len(s.Properties) == 0 || name != "" {
		t.row(name, required, description, s)
	}
	switch {
	case len(s.AnyOf) > 0:
		for i, one := range s.AnyOf {
			t.row(fmt.Sprintf("%s (%d)", name, i+1), true, one.Description, shape{Type: one.Type})
			t.below(name, one)
		}
	case s.Items != nil:
		t.below(name+"[]", *s.Items)
	default:
		t.below(name, s)
	}
}

func (t *table) below(name string, s shape) {
	required := make(map[string]bool, len(s.Required))
	for _, r := range s.Required {
		required[r] = true
	}
	for _, m := range s.Properties {
		t.add(strings.TrimPrefix(name+"."+m.name, "."), required[m.name], m.shape.Description, m.shape)
	}
}

func (t *table) row(name string, required bool, description string, s shape) {
	if name != "" {
		name = "`" + name + "`"
	}
	bounds := s.bounds()
	if !required {
		bounds = append(bounds, "optional")
	}
	*t = append(*t, fmt.Sprintf("| %s | %s | %s |\n", name, cell(strings.Join(bounds, ", ")), cell(description)))
}

// bounds says what a value may be.
func (s *shape) bounds() []string {
	var said []string
	switch {
	case s.Type == "array" && s.Items != nil && s.Items.Type != "":
		said = append(said, "array of "+s.Items.Type)
	case s.Type != "":
		said = append(said, s.Type)
	case len(s.AnyOf) > 0:
		said = append(said, "one of the ways below")
	default:
		said = append(said, "anything")
	}
	if len(s.Enum) > 0 {
		words := make([]string, len(s.Enum))
		for i, word := range s.Enum {
			words[i] = fmt.Sprintf("`%v`", word)
		}
		said = append(said, strings.Join(words, " or "))
	}
	if s.Minimum != nil {
		said = append(said, "≥ "+s.Minimum.String())
	}
	if s.Maximum != nil {
		said = append(said, "≤ "+s.Maximum.String())
	}
	for _, b := range []struct {
		limit *int
		unit  string
	}{{s.MaxLength, "characters"}, {s.MaxItems, "items"}, {s.MaxMembers, "members"}} {
		if b.limit != nil {
			said = append(said, fmt.Sprintf("≤ %d %s", *b.limit, b.unit))
		}
	}
	if s.Default != nil {
		said = append(said, fmt.Sprintf("default `%v`", s.Default))
	}
	return said
}
