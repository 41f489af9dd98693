// Package rpcapi is the public face of a supervisor: the methods that clients
// call, who may call them, and the names that old clients use.
//
// Its one idea: a method is thin. It reads its parameters strictly, asks the
// leader or a reader, and says what these said; package jsonrpc deals with
// everything that can be wrong about a message, and one place each with
// authentication (auth.go), authorisation (scope.go) and the original's names
// (compat.go).
//
//	api, err := rpcapi.New(rpcapi.Config{Backend: backend, Keys: keys, Durability: level})
//	handler := rpcapi.NewHandler(api, rpcapi.HTTPOptions{Ready: ready, Gatherer: registry})
//	http.Serve(listener, handler)
//
// A submit is answered when the job is in the history, as durably as the answer
// says. A read of one job sees every write that was answered before; lists may
// lag and say how far.
package rpcapi
