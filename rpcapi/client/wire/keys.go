package wire

import (
	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/access"
	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/signing"
)

// AddKey asks for a public key to be admitted.
type AddKey struct {
	Class     access.Class `json:"class" validate:"required,oneof=client runner supervisor" doc:"What the key is for: client signs jobs, runner reports, supervisor seals."`
	Name      string       `json:"name" validate:"required,max=64,pattern" pattern:"^[a-z0-9][a-z0-9._-]*$" doc:"Whose key it is; of a runner: its id."`
	PublicKey string       `json:"public_key" validate:"required" doc:"The key in lower-case hexadecimal digits, which say its algorithm: 64 of Ed25519, or 66 of secp256k1 in its compressed form, for a client only."`
	Kinds     []string     `json:"kinds,omitempty" validate:"max=16,dive,max=64,pattern" pattern:"^[a-z0-9][a-z0-9._-]*$" doc:"Of a runner: executors whose queues it may serve besides its own."`
	Since     event.Time   `json:"since,omitzero" doc:"RFC 3339. The key does not hold before it; absent: from its admission on."`
	Until     event.Time   `json:"until,omitzero" doc:"RFC 3339. The key does not hold after it; absent: for ever."`
	Proof     string       `json:"proof" doc:"The key's signature over its own admission, in standard base64: five lines, each ended by a newline, with horus-admission-v1, namespace, class, name and public key. It must be there."`
}

// KeyAdded says that a key is admitted.
type KeyAdded struct {
	KeyID     signing.KeyID `json:"key_id"`
	Statement uint64        `json:"statement" doc:"Number of the statements after which the key holds."`
	Duplicate bool          `json:"duplicate" doc:"The key was admitted in the same words before; statement is the one that did."`
}

// RotateKey asks for a key to take the place of another.
type RotateKey struct {
	Old   string     `json:"old" validate:"required,max=32" doc:"Id of the key whose place is taken, 32 hexadecimal digits."`
	Key   string     `json:"key" validate:"required" doc:"The new public key, spelled as in keys.add. It takes class, name, kinds and end of the old one."`
	Until event.Time `json:"until" doc:"RFC 3339, not in the past: the old key does not hold after it. It must be there."`
	Proof string     `json:"proof" doc:"The new key's signature over the rotation, in standard base64: five lines, each ended by a newline, with horus-rotation-v1, namespace, old, key, and until in UTC with six digits of a second. It must be there."`
	By    string     `json:"by" doc:"The old key's signature over the same. It must be there."`
}

// KeyRotated says that a key took the place of another.
type KeyRotated struct {
	KeyID     signing.KeyID `json:"key_id" doc:"Id of the new key."`
	Statement uint64        `json:"statement" doc:"Number of the statements after which the new key holds, too."`
	Duplicate bool          `json:"duplicate" doc:"It did before, in the same words; statement is the one that said so."`
}

// RevokeKey asks for a key to be good for nothing from now on.
type RevokeKey struct {
	KeyID  string `json:"key_id" validate:"required,max=32" doc:"Id of the key, 32 hexadecimal digits. It need not have been admitted: the key that a runner id was first used with was not."`
	Reason string `json:"reason,omitempty" validate:"max=200" doc:"Why, in one line of at most 200 bytes, for everybody who reads the history."`
}

// KeyRevoked says that a key is good for nothing any more.
type KeyRevoked struct {
	KeyID     signing.KeyID `json:"key_id"`
	Statement uint64        `json:"statement" doc:"Number of the statement that revoked it."`
	Duplicate bool          `json:"duplicate" doc:"It was revoked before; statement is the one that did, with the reason of then."`
}

// KeyQuery says which keys are wanted.
type KeyQuery struct {
	Class access.Class `json:"class,omitempty" validate:"omitempty,oneof=client runner supervisor operator" doc:"Only keys of that class."`
}

// Keys is a list of keys.
type Keys struct {
	Founding string `json:"founding" doc:"Fingerprint of the founding event, which all of them are proved against."`
	Keys     []Key  `json:"keys"`
}

// The states of a [Key].
const (
	KeyStateHolds   = "holds"
	KeyStateNotYet  = "not_yet"
	KeyStateEnded   = "ended"
	KeyStateRevoked = "revoked"
)

// Key is a key that the statements speak of.
type Key struct {
	KeyID      signing.KeyID     `json:"key_id"`
	State      string            `json:"state" doc:"holds; not_yet, when since is to come; ended, when until has passed; or revoked."`
	Class      access.Class      `json:"class,omitempty" doc:"Absent when a key was revoked that was never admitted."`
	Name       domain.Name       `json:"name,omitempty"`
	PublicKey  string            `json:"public_key,omitempty"`
	Algorithm  signing.Algorithm `json:"algorithm,omitempty" doc:"ed25519 or secp256k1."`
	Kinds      []domain.Name     `json:"kinds,omitempty"`
	Since      event.Time        `json:"since,omitzero" doc:"First instant at which it holds; absent: from its admission on."`
	Until      event.Time        `json:"until,omitzero" doc:"Last instant at which it holds, by admission or because another key took its place; absent: for ever."`
	RotatedTo  signing.KeyID     `json:"rotated_to,omitempty" doc:"The key that took its place."`
	Reason     string            `json:"reason,omitempty" doc:"For which it was revoked."`
	Statement  uint64            `json:"statement,omitempty" doc:"Number of the statement that admitted it."`
	AdmittedBy event.Actor       `json:"admitted_by,omitempty" doc:"Who asked for that: key:<name of an API key>, system:founding, or system:operator when an operator's key did."`
}
