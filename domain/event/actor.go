package event

// Actor says who caused an event, as kind:name.
type Actor string

// ByClient is the holder of a client key.
func ByClient(keyID string) Actor { return Actor("client:" + keyID) }

// ByAPIKey is the holder of the named API key.
func ByAPIKey(name string) Actor { return Actor("key:" + name) }

// ByRunner is a runner process that speaks for its id.
func ByRunner(id string) Actor { return Actor("runner:" + id) }

// BySystem is a part of the supervisor that acted on its own, such as
// redelivery.
func BySystem(part string) Actor { return Actor("system:" + part) }
