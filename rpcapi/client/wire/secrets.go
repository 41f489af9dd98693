package wire

import (
	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/access"
	"github.com/herocode/horus/domain/event"
)

// AddSecret asks for an API key.
type AddSecret struct {
	Name    string       `json:"name" validate:"required,max=64,pattern" pattern:"^[a-z0-9][a-z0-9._-]*$" doc:"What the history calls whoever shows the key: key:<name>."`
	Scope   access.Scope `json:"scope" validate:"required,oneof=admin user registrar" doc:"admin: everything; user: jobs, and looking; registrar: register runners."`
	Runners []string     `json:"runners,omitempty" validate:"max=16,dive,max=64,pattern" pattern:"^[a-z0-9][a-z0-9._-]*$" doc:"Of scope user: runners whose jobs the holder may touch, and with kinds no others."`
	Kinds   []string     `json:"kinds,omitempty" validate:"max=16,dive,max=64,pattern" pattern:"^[a-z0-9][a-z0-9._-]*$" doc:"Of scope user: kinds of which the holder may touch the jobs that ask for no runner."`
	Until   event.Time   `json:"until,omitzero" doc:"RFC 3339; last instant at which the key holds. Until it is removed if absent."`
}

// SecretAdded is a new API key.
type SecretAdded struct {
	Name      domain.Name  `json:"name"`
	Scope     access.Scope `json:"scope"`
	Key       string       `json:"key" doc:"The API key itself. It is shown here and never again: nobody keeps more than a hash of it."`
	Statement uint64       `json:"statement" doc:"Number of the statement that added it."`
}

// Secrets is a list of API keys.
type Secrets struct {
	Secrets []Secret `json:"secrets"`
}

// The sources of a [Secret].
const (
	SecretFromHistory       = "history"
	SecretFromConfiguration = "configuration"
)

// The states of a [Secret].
const (
	SecretHolds = "holds"
	SecretEnded = "ended"
)

// Secret is what anybody may know of an API key.
type Secret struct {
	Name      domain.Name   `json:"name"`
	Scope     access.Scope  `json:"scope"`
	State     string        `json:"state" doc:"holds; or ended, when until has passed."`
	Source    string        `json:"source" doc:"history; or configuration, of the supervisor that answers, which no call changes."`
	Chosen    bool          `json:"chosen,omitempty" doc:"Somebody chose the secret, so it may be guessed by who has the history."`
	Runners   []domain.Name `json:"runners,omitempty"`
	Kinds     []domain.Name `json:"kinds,omitempty"`
	Until     event.Time    `json:"until,omitzero"`
	Statement uint64        `json:"statement,omitempty" doc:"Number of the statement that added it."`
	AddedBy   event.Actor   `json:"added_by,omitempty"`
	AddedAt   event.Time    `json:"added_at,omitzero"`
}

// RemoveSecret asks for an API key to be good for nothing.
type RemoveSecret struct {
	Name   string `json:"name" validate:"required,max=64,pattern" pattern:"^[a-z0-9][a-z0-9._-]*$" doc:"Name of the API key."`
	Reason string `json:"reason,omitempty" validate:"max=200" doc:"Why, in one line of at most 200 bytes, for everybody who reads the history."`
}

// SecretRemoved says that an API key is good for nothing any more.
type SecretRemoved struct {
	Name      domain.Name `json:"name"`
	Statement uint64      `json:"statement" doc:"Number of the statement that removed it."`
}
