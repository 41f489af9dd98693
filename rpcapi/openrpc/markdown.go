package openrpc

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
)

// credential is the parameter of nearly every method, which is said once.
const credential = "secret"

// Markdown returns the reference that people read: each method of a document
// with its parameters, result, errors and first example, and the deprecated ones
// as a list. The same document always gives the same text.
func Markdown(document []byte) (string, error) {
	var doc struct {
		Methods []reference `json:"methods"`
	}
	if err := json.Unmarshal(document, &doc); err != nil {
		return "", fmt.Errorf("read the OpenRPC document: %w", err)
	}
	var page strings.Builder
	var old []reference
	noun := ""
	for _, m := range doc.Methods {
		if m.Deprecated {
			old = append(old, m)
			continue
		}
		if n, _, _ := strings.Cut(m.Name, "."); n != noun {
			noun = n
			fmt.Fprintf(&page, "\n## %s\n", noun)
		}
		m.write(&page)
	}
	if len(old) > 0 {
		page.WriteString("\n## Old names\n\n| method | parameters, in order | |\n|---|---|---|\n")
		for _, m := range old {
			fmt.Fprintf(&page, "| `%s` | %s | %s |\n", m.Name, m.names(), cell(m.Summary))
		}
	}
	return page.String(), nil
}

// reference is a method as the document has it.
type reference struct {
	Name        string    `json:"name"`
	Summary     string    `json:"summary"`
	Description string    `json:"description"`
	Deprecated  bool      `json:"deprecated"`
	Params      []content `json:"params"`
	Result      content   `json:"result"`
	Errors      []struct {
		Code    int    `json:"code"`
		Message string `json:"message"`
	} `json:"errors"`
	Examples []struct {
		Params []value `json:"params"`
		Result value   `json:"result"`
	} `json:"examples"`
}

type content struct {
	Name        string `json:"name"`
	Description string `json:"description"`
	Required    bool   `json:"required"`
	Schema      shape  `json:"schema"`
}

type value struct {
	Name  string          `json:"name"`
	Value json.RawMessage `json:"value"`
}

func (m *reference) write(page *strings.Builder) {
	fmt.Fprintf(page, "\n### %s\n\n%s\n", m.Name, m.Summary)
	if m.Description != "" {
		fmt.Fprintf(page, "\n%s\n", m.Description)
	}
	var rows table
	for _, p := range m.Params {
		if p.Name == credential {
			continue
		}
		rows.add(p.Name, p.Required, p.Description, p.Schema)
	}
	if len(rows) > 0 {
		fmt.Fprintf(page, "\n| parameter | | |\n|---|---|---|\n%s", rows)
	}
	rows = nil
	rows.add(m.Result.nameOf(), true, m.Result.Description, m.Result.Schema)
	fmt.Fprintf(page, "\n| result | | |\n|---|---|---|\n%s", rows)
	if len(m.Errors) > 0 {
		errors := make([]string, len(m.Errors))
		for i, e := range m.Errors {
			errors[i] = fmt.Sprintf("%d %s", e.Code, e.Message)
		}
		fmt.Fprintf(page, "\nErrors: %s.\n", strings.Join(errors, ", "))
	}
	if len(m.Examples) > 0 {
		e := m.Examples[0]
		fmt.Fprintf(page, "\n```json\n%s\n%s\n```\n", call(m.Name, e.Params), answer(e.Result.Value))
	}
}

// nameOf returns what a result is called in its table: nothing, when it is an
// object whose members stand there.
func (c *content) nameOf() string {
	if len(c.Schema.Properties) > 0 {
		return ""
	}
	return c.Name
}

// names lists the parameters of a method.
func (m *reference) names() string {
	names := make([]string, len(m.Params))
	for i, p := range m.Params {
		names[i] = "`" + p.Name + "`"
	}
	return strings.Join(names, ", ")
}

// call is the message that an example sends.
func call(method string, params []value) string {
	var members []string
	for _, p := range params {
		members = append(members, fmt.Sprintf("%q:%s", p.Name, oneLine(p.Value)))
	}
	return fmt.Sprintf(`{"jsonrpc":"2.0","id":1,"method":%q,"params":{%s}}`, method, strings.Join(members, ","))
}

// answer is the message that answers it.
func answer(result json.RawMessage) string {
	return fmt.Sprintf(`{"jsonrpc":"2.0","id":1,"result":%s}`, oneLine(result))
}

// oneLine returns a value without the spaces between its parts; null if there is
// none.
func oneLine(text json.RawMessage) string {
	var line bytes.Buffer
	if err := json.Compact(&line, text); err != nil || line.Len() == 0 {
		return "null"
	}
	return line.String()
}

// cell keeps a text within one cell of a table.
func cell(text string) string {
	return strings.NewReplacer("\n", " ", "|", "\\|").Replace(text)
}
