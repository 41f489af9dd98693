package event

import "strings"

// Actor says who caused an event, as kind:name.
type Actor string

// ByClient is the holder of a client key.
func ByClient(keyID string) Actor { return Actor("client:" + keyID) }

// ByAPIKey is the holder of the named API key.
func ByAPIKey(name string) Actor { return Actor("key:" + name) }

// ByRunner is a runner process that speaks for its id.
func ByRunner(id string) Actor { return Actor("runner:" + id) }

// Runner returns the id of the runner that the actor is; ok is false when it is
// none.
func (a Actor) Runner() (id string, ok bool) { return strings.CutPrefix(string(a), "runner:") }

// BySystem is a part of the supervisor that acted on its own, such as
// redelivery.
func BySystem(part string) Actor { return Actor("system:" + part) }

// IsSystem reports whether a part of the supervisor acted on its own.
func (a Actor) IsSystem() bool { return strings.HasPrefix(string(a), "system:") }

// Administers reports whether the actor may be one who holds an API key, or the
// system: neither a runner nor the holder of a client's key decides what flows
// where.
func (a Actor) Administers() bool { return a.IsSystem() || strings.HasPrefix(string(a), "key:") }
