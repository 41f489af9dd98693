// Package jsonrpc is a strict JSON-RPC 2.0 server: a table of typed methods on
// one side, exact bytes on the other.
//
// The idea is that a method is a plain function from a parameter struct to a
// result, and that everything a hostile or sloppy client can send is dealt with
// before that function runs. The struct is the whole contract: `json` tags name
// the parameters, the order of its fields is the order of positional
// parameters, `validate` tags (github.com/go-playground/validator) bound them.
//
//	type Subtract struct {
//		Minuend    int `json:"minuend"`
//		Subtrahend int `json:"subtrahend"`
//	}
//
//	subtract := jsonrpc.Define(jsonrpc.Info{Name: "subtract"},
//		func(_ context.Context, p Subtract) (int, error) { return p.Minuend - p.Subtrahend, nil })
//	server, err := jsonrpc.New([]jsonrpc.Method{subtract}, jsonrpc.Options{})
//	http.ListenAndServe(addr, jsonrpc.NewHandler(server, jsonrpc.HTTPOptions{}))
//
// # The way of one call
//
// The message is checked as a whole (UTF-8, depth, duplicate names: -32700),
// cut into requests, and each request is looked at member by member (-32600).
// Then, for each call: find the method (-32601), bring the parameters into
// their named form and decode them (-32602), [Options.Before] to authenticate
// and authorise, check the `validate` tags (-32602), run. Who may not call
// learns nothing about which values would have been right.
//
// # Parameters
//
// All of these mean the same:
//
//	{"minuend": 42, "subtrahend": 23}
//	{"params": {"minuend": 42, "subtrahend": 23}}
//	[{"minuend": 42, "subtrahend": 23}]
//	[42, 23]
//
// and absent parameters, [] and {} all mean "none". Two rules keep this free of
// guessing. The wrapped form is understood only by methods that have no
// parameter called "params". An array that holds exactly one object, whose
// members are all names of parameters, is that object; any other array is
// positional. (An empty object is positional where the first parameter is an
// object.) A `required` parameter must be there and not be the zero value, as
// validator has it; where zero is a value, make the field a pointer.
//
// # Requests and batches
//
// A request has the members jsonrpc, method, params and id and no other. The id
// is null, a string of at most 128 bytes, or an integer within ±(2^53−1), and is
// echoed byte for byte; the same id may be used twice in a batch, and both are
// answered. The calls of a batch run at the same time, so one must not rely on
// another; the answers come in the order of the requests.
//
// A notification has no answer, so its sender could never learn what became of
// it: methods that change something ([Info].Mutates) do not take them.
//
// # Errors
//
// Methods return errors of package domain; errors.go holds the one map from
// their codes to the numbers of JSON-RPC. An error that nobody classified, and
// a panic, tell the caller "internal error" and the log everything.
package jsonrpc
