package openrpc_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/rpcapi/jsonrpc"
	"github.com/herocode/horus/rpcapi/openrpc"
	"github.com/herocode/horus/rpcapi/openrpc/openrpctest"
)

// id is a type that is text on the wire.
type id struct{ text string }

func (i id) MarshalText() ([]byte, error) { return []byte(i.text), nil }

func (i *id) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		return errors.New("an id must not be empty")
	}
	i.text = string(text)
	return nil
}

type credentials struct {
	Secret string `json:"secret" jsonschema_description:"may be left out with an Authorization header"`
}

type backoff struct {
	InitialMS int     `json:"initial_ms" validate:"gte=1,lte=60000"`
	Factor    float64 `json:"factor" validate:"gt=0,lt=10"`
}

type job struct {
	ID       id                `json:"id"`
	Name     string            `json:"name" validate:"required,max=64,pattern" pattern:"^[a-z<]+$"`
	Timeout  *int              `json:"timeout" validate:"omitempty,min=1,max=86400" jsonschema:"default=300"`
	Priority uint8             `json:"priority" validate:"max=9"`
	Backoff  *backoff          `json:"backoff"`
	Env      map[string]string `json:"env" validate:"max=64,dive,keys,pattern,max=128,endkeys,max=4096" pattern:"^[A-Z]+$"`
	Tags     []string          `json:"tags" validate:"max=8,unique,dive,required,max=16"`
	RunAt    *time.Time        `json:"run_at"`
	Key      [32]byte          `json:"key"`
	Extra    jsontext.Value    `json:"extra"`
}

type submission struct {
	credentials
	Job  job    `json:"job" validate:"required" jsonschema_description:"the job to do"`
	Mode string `json:"mode" validate:"omitempty,oneof=fast safe"`
	Copy int    `json:"copy" validate:"oneof=0 1 2"`
}

type receipt struct {
	ID        id        `json:"id"`
	At        time.Time `json:"at"`
	Duplicate bool      `json:"duplicate,omitzero"`
}

func table() []jsonrpc.Method {
	submit := jsonrpc.Info{
		Name:        "jobs.submit",
		Summary:     "Submit a job.",
		Description: "It runs **at least** once.",
		Result:      "receipt",
		Mutates:     true,
		Errors:      []domain.Code{domain.Conflict, domain.Indeterminate},
		Examples: []jsonrpc.Example{{
			Name:   "a job",
			Params: submission{Job: job{ID: id{"a"}, Name: "x<y"}},
			Result: receipt{ID: id{"a"}, At: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)},
		}},
	}
	return []jsonrpc.Method{
		jsonrpc.Define(submit, func(context.Context, submission) (receipt, error) { return receipt{}, nil }),
		jsonrpc.Define(jsonrpc.Info{Name: "job.delete", Deprecated: true},
			func(context.Context, struct {
				ID string `json:"id" validate:"len=36"`
			},
			) (jsonrpc.Null, error) {
				return jsonrpc.Null{}, nil
			}),
		jsonrpc.Define(jsonrpc.Info{Name: "runners.list"},
			func(context.Context, struct{}) ([]string, error) { return nil, nil }),
	}
}

func TestDocumentIsValid(t *testing.T) {
	if err := openrpctest.Validate(document(t, table())); err != nil {
		t.Error(err)
	}
	if err := openrpctest.Validate(document(t, nil)); err != nil {
		t.Errorf("without methods: %v", err)
	}
}

// A check that lets everything pass would be no check.
func TestDocumentsThatAreNotValid(t *testing.T) {
	good := string(document(t, table()))
	for name, change := range map[string][2]string{
		"another version":      {`"openrpc":"1.3.2"`, `"openrpc":"7.0.0"`},
		"no title":             {`"title":"Horus",`, ``},
		"a name that is empty": {`"name":"job.delete"`, `"name":""`},
		"a bad type":           {`"type":"integer"`, `"type":"whole"`},
		"an unknown member":    {`"summary":`, `"summery":`},
	} {
		bad := strings.Replace(good, change[0], change[1], 1)
		if bad == good || openrpctest.Validate([]byte(bad)) == nil {
			t.Errorf("%s: not noticed", name)
		}
	}
	if openrpctest.Validate([]byte("{")) == nil {
		t.Error("half a document: not noticed")
	}
}

func TestDocumentIsAlwaysTheSame(t *testing.T) {
	first := document(t, table())
	for range 10 {
		if diff := cmp.Diff(string(first), string(document(t, table()))); diff != "" {
			t.Fatal(diff)
		}
	}
}

func TestMethodsAreDescribed(t *testing.T) {
	want := `{"name":"job.delete","deprecated":true,"paramStructure":"either",` +
		`"params":[{"name":"id","schema":{"type":"string","maxLength":36,"minLength":36}}],` +
		`"result":{"name":"result","required":true,"schema":{"type":"null"}}},` +
		`{"name":"runners.list","paramStructure":"either","params":[],` +
		`"result":{"name":"result","required":true,"schema":{"items":{"type":"string"},"type":"array"}}}]}`
	if got := string(document(t, table())); !strings.HasSuffix(got, want) {
		t.Errorf("got %s\nwant the end to be %s", got, want)
	}
}

// What the validate tags say of parameters, the schema says as well.
func TestBoundsOfParameters(t *testing.T) {
	var doc struct {
		Methods []struct {
			Params   []json.RawMessage `json:"params"`
			Result   json.RawMessage   `json:"result"`
			Errors   json.RawMessage   `json:"errors"`
			Examples json.RawMessage   `json:"examples"`
		} `json:"methods"`
	}
	if err := json.Unmarshal(document(t, table()), &doc); err != nil {
		t.Fatal(err)
	}
	submit := doc.Methods[0]
	for i, want := range []string{
		`{"name":"secret","description":"may be left out with an Authorization header","schema":{"type":"string"}}`,
		`{"name":"job","description":"the job to do","required":true,"schema":{
			"type":"object","additionalProperties":false,"required":["name"],
			"properties":{
				"id":{"type":"string"},
				"name":{"type":"string","minLength":1,"maxLength":64,"pattern":"^[a-z<]+$"},
				"timeout":{"type":"integer","minimum":1,"maximum":86400,"default":300},
				"priority":{"type":"integer","minimum":0,"maximum":9},
				"backoff":{"type":"object","additionalProperties":false,"properties":{
					"initial_ms":{"type":"integer","minimum":1,"maximum":60000},
					"factor":{"type":"number","exclusiveMinimum":0,"exclusiveMaximum":10}}},
				"env":{"type":"object","maxProperties":64,
					"propertyNames":{"type":"string","maxLength":128,"pattern":"^[A-Z]+$"},
					"additionalProperties":{"type":"string","maxLength":4096}},
				"tags":{"type":"array","maxItems":8,"uniqueItems":true,
					"items":{"type":"string","minLength":1,"maxLength":16}},
				"run_at":{"type":"string","format":"date-time"},
				"key":{"type":"string","contentEncoding":"base64"},
				"extra":true}}}`,
		`{"name":"mode","schema":{"type":"string","enum":["fast","safe"]}}`,
		`{"name":"copy","schema":{"type":"integer","enum":[0,1,2]}}`,
	} {
		same(t, submit.Params[i], want)
	}
	same(t, submit.Result, `{"name":"receipt","required":true,"schema":{
		"type":"object","additionalProperties":false,"required":["id","at"],
		"properties":{"id":{"type":"string"},"at":{"type":"string","format":"date-time"},"duplicate":{"type":"boolean"}}}}`)
	same(t, submit.Errors, `[{"code":-32004,"message":"conflict"},{"code":-32013,"message":"indeterminate"}]`)
	same(t, submit.Examples, `[{"name":"a job",
		"params":[
			{"name":"job","value":{"id":"a","name":"x<y","timeout":null,"priority":0,"backoff":null,"env":{},"tags":[],
				"run_at":null,"key":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=","extra":null}}],
		"result":{"name":"receipt","value":{"id":"a","at":"2026-01-02T03:04:05Z"}}}]`)
}

func document(t *testing.T, methods []jsonrpc.Method) []byte {
	t.Helper()
	text, err := openrpc.Document(openrpc.Info{Title: "Horus", Version: "1.0.0"}, methods)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// same fails the test unless two JSON texts say the same.
func same(t *testing.T, got []byte, want string) {
	t.Helper()
	var g, w any
	if err := json.Unmarshal(got, &g); err != nil {
		t.Fatalf("%v in %s", err, got)
	}
	if err := json.Unmarshal([]byte(want), &w); err != nil {
		t.Fatalf("%v in %s", err, want)
	}
	if diff := cmp.Diff(w, g); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
