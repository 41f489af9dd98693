package job

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-playground/validator/v10"

	"github.com/herocode/horus/domain"
	"github.com/herocode/horus/domain/event"
)

// Limits and defaults of a job.
const (
	MaxDocumentBytes   = 768 << 10 // a payload of which half is escapes, and its frame, fits one commit
	MaxPayloadBytes    = 256 << 10 // one queue entry must stay cheap to read
	MaxEnvVars         = 64
	MaxEnvBytes        = 4 << 10 // one variable's value
	MaxEnvName         = 128
	DefaultTimeout     = 300 * time.Second
	MaxTimeout         = 24 * time.Hour
	DefaultMaxAttempts = 3
	MaxMaxAttempts     = 25
	MaxDelay           = 366 * 24 * time.Hour // of run_at and delay, from the submission on
	MaxBackoff         = 24 * time.Hour
)

// defaultBackoff is what a job that is tried again and says no more waits.
func defaultBackoff() Backoff { return Backoff{Initial: time.Second, Factor: 2, Max: 5 * time.Minute} }

// Document is a job as its client writes it, before any default. The members
// created_at, updated_at and signatures are accepted because clients send
// them; the first two mean nothing to us.
type Document struct {
	ID          string              `json:"id,omitempty" validate:"omitempty,max=128" doc:"Name of the job, for ever. Made by the server when absent in an unsigned job."`
	CallerID    string              `json:"caller_id,omitempty" validate:"max=256" doc:"Whoever asked for the job, in the client's words."`
	ContextID   string              `json:"context_id,omitempty" validate:"max=256" doc:"What the job belongs to, in the client's words."`
	Payload     string              `json:"payload" validate:"required,max=262144" doc:"What the runner runs; at most 256 KiB."`
	Executor    string              `json:"executor,omitempty" validate:"required_without=Runner" doc:"Kind of runner, such as sh. Any runner of the kind may take the job unless runner is set."`
	Runner      string              `json:"runner,omitempty" validate:"required_without=Executor" doc:"Runner id. Its queue waits for it when it is not there."`
	Timeout     *int64              `json:"timeout,omitempty" validate:"omitnil,min=1,max=86400" doc:"Seconds that one attempt may run; 300 if absent."`
	MaxAttempts *int64              `json:"max_attempts,omitempty" validate:"omitnil,min=1,max=25" doc:"Attempts before the job fails; 3 if absent. Used up by runners that are lost, and by what retry_on names."`
	RetryOn     []string            `json:"retry_on,omitempty" validate:"max=2,unique,dive,oneof=error timeout" doc:"What is tried again besides a lost runner: error, timeout."`
	Backoff     *DocumentBackoff    `json:"backoff,omitempty" validate:"omitempty" doc:"How long a failed attempt keeps the next one waiting."`
	RunAt       event.Time          `json:"run_at,omitzero" doc:"RFC 3339. The job is queued then, at most 366 days ahead; at once when it has passed."`
	Delay       *int64              `json:"delay,omitempty" validate:"omitnil,min=0,max=31622400" doc:"Seconds after its submission that the job is queued; instead of run_at."`
	ExpiresAt   event.Time          `json:"expires_at,omitzero" doc:"RFC 3339. A job that was not begun by then fails as expired; one that runs goes on, and is not tried again."`
	EnvVars     map[string]string   `json:"env_vars,omitempty" validate:"max=64,dive,keys,env_name,endkeys,max=4096,env_value" doc:"Environment of the job; not PATH, LD_* or HORUS_*."`
	NotAfter    event.Time          `json:"not_after,omitzero" doc:"RFC 3339. The job is not started after it."`
	Nonce       string              `json:"nonce,omitempty" validate:"max=64" doc:"1 to 64 letters, digits and ._~+/=- that the signing key has for this job alone until its not_after, which is needed with it. Of signed jobs."`
	Audience    string              `json:"audience,omitempty" validate:"max=64" doc:"Namespace that the job is meant for; another one refuses it."`
	CreatedAt   string              `json:"created_at,omitempty" validate:"max=64" doc:"Accepted and kept; views show the server's."`
	UpdatedAt   string              `json:"updated_at,omitempty" validate:"max=64" doc:"Accepted and kept; views show the server's."`
	Signatures  []DocumentSignature `json:"signatures,omitempty" validate:"max=8,dive" doc:"Signatures over the RFC 8785 form of the job without this member."`
}

// DocumentSignature is one member of a document's signatures.
type DocumentSignature struct {
	PublicKey string `json:"public_key" validate:"required,max=130" doc:"Public key in lower-case hexadecimal digits: 64 of Ed25519, or 66 of secp256k1 in its compressed form."`
	Signature string `json:"signature" validate:"required,max=256" doc:"Signature, 128 hexadecimal digits: R ‖ S of Ed25519, or r ‖ s of ECDSA over SHA-256 with low s."`
}

// DocumentBackoff is a document's backoff.
type DocumentBackoff struct {
	InitialMs *int64 `json:"initial_ms,omitempty" validate:"omitnil,min=10,max=3600000" doc:"Milliseconds after the first failure; 1,000 if absent. Half of each wait is jitter."`
	Factor    *int64 `json:"factor,omitempty" validate:"omitnil,min=1,max=10" doc:"How much longer each further one is; 2 if absent."`
	MaxMs     *int64 `json:"max_ms,omitempty" validate:"omitnil,min=10,max=86400000" doc:"Milliseconds at most, and no less than initial_ms; 300,000 if absent, or initial_ms if that is more."`
}

// Spec is what a job asks for, with defaults filled in.
type Spec struct {
	ID         ID // zero when the document names none
	CallerID   string
	ContextID  string
	Payload    string
	Executor   domain.Name
	Runner     domain.Name
	Timeout    time.Duration
	Policy     Policy
	Env        map[string]string
	RunAt      event.Time
	Delay      time.Duration
	Expires    event.Time // not begun after it, by the client's wish
	NotAfter   event.Time // nor after this: its signature has ended
	Nonce      string     // that no other job of its signers has until then; empty if none
	Audience   string
	Signatures []DocumentSignature // that stand in the document itself
}

// Start returns when a job that was submitted at an instant is to be queued;
// zero for at once.
func (s *Spec) Start(submitted event.Time) event.Time {
	start := s.RunAt
	if s.Delay > 0 {
		start = submitted.Add(s.Delay)
	}
	if start <= submitted {
		return 0
	}
	return start
}

// Queue returns where the job's attempts wait.
func (s *Spec) Queue() Queue {
	if s.Runner != "" {
		return RunnerQueue(s.Runner)
	}
	return ExecutorQueue(s.Executor)
}

// spec fills in the defaults and checks names.
func (d *Document) spec() (Spec, error) {
	s := Spec{
		CallerID: d.CallerID, ContextID: d.ContextID, Payload: d.Payload,
		Timeout: DefaultTimeout, Policy: Policy{MaxAttempts: DefaultMaxAttempts, Backoff: defaultBackoff()},
		Env: d.EnvVars, RunAt: d.RunAt, Expires: d.ExpiresAt, NotAfter: d.NotAfter, Nonce: d.Nonce, Audience: d.Audience, Signatures: d.Signatures,
	}
	if d.Timeout != nil {
		s.Timeout = time.Duration(*d.Timeout) * time.Second
	}
	if d.MaxAttempts != nil {
		s.Policy.MaxAttempts = uint32(*d.MaxAttempts) //nolint:gosec // at most 25, see the tag
	}
	s.Policy.OnError = slices.Contains(d.RetryOn, string(FailedError))
	s.Policy.OnTimeout = slices.Contains(d.RetryOn, string(FailedTimeout))
	if len(d.Payload) > MaxPayloadBytes { // the tag counts characters
		return s, &domain.Error{
			Code: domain.Invalid, Reason: "size", Pointer: "/payload",
			Message: fmt.Sprintf("/payload has %d bytes; the limit is %d", len(d.Payload), MaxPayloadBytes),
		}
	}
	if err := d.times(&s); err != nil {
		return s, err
	}
	if err := d.checkNonce(); err != nil {
		return s, err
	}
	var err error
	if d.ID != "" {
		if s.ID, err = ParseID(d.ID); err != nil {
			return s, at("/id", err)
		}
	}
	if d.Runner != "" {
		if s.Runner, err = domain.ParseName(d.Runner); err != nil {
			return s, at("/runner", err)
		}
	}
	if d.Executor != "" {
		if s.Executor, err = domain.ParseName(d.Executor); err != nil {
			return s, at("/executor", err)
		}
		if s.Executor == "osis" { // the original's word
			s.Executor = "osiris"
		}
	}
	return s, nil
}

// times fills in when the job may run, and how long it waits between attempts.
func (d *Document) times(s *Spec) error {
	if d.Delay != nil {
		if !d.RunAt.IsZero() {
			return at("/delay", domain.Errorf(domain.Invalid, "bounds", "a job has run_at or delay, not both"))
		}
		s.Delay = time.Duration(*d.Delay) * time.Second
	}
	if !d.ExpiresAt.IsZero() && d.ExpiresAt < d.RunAt {
		return at("/expires_at", domain.Errorf(domain.Invalid, "bounds", "the job would expire before its run_at"))
	}
	if !d.NotAfter.IsZero() && d.NotAfter < d.RunAt {
		return at("/not_after", domain.Errorf(domain.Invalid, "bounds", "the job's not_after is before its run_at"))
	}
	b := d.Backoff
	if b == nil {
		return nil
	}
	if b.InitialMs != nil {
		s.Policy.Backoff.Initial = time.Duration(*b.InitialMs) * time.Millisecond
	}
	if b.Factor != nil {
		s.Policy.Backoff.Factor = uint32(*b.Factor) //nolint:gosec // at most 10, see the tag
	}
	s.Policy.Backoff.Max = max(s.Policy.Backoff.Max, s.Policy.Backoff.Initial)
	if b.MaxMs != nil {
		s.Policy.Backoff.Max = time.Duration(*b.MaxMs) * time.Millisecond
	}
	if s.Policy.Backoff.Max < s.Policy.Backoff.Initial {
		return at("/backoff/max_ms", domain.Errorf(domain.Invalid, "bounds", "max_ms is less than initial_ms"))
	}
	return nil
}

// at puts a pointer on a domain error.
func at(pointer string, err error) error {
	return &domain.Error{Code: domain.CodeOf(err), Reason: domain.ReasonOf(err), Message: pointer + ": " + err.Error(), Pointer: pointer}
}

// documentValidator checks what the tags of Document say.
var documentValidator = sync.OnceValue(func() *validator.Validate {
	v := validator.New(validator.WithRequiredStructEnabled())
	v.RegisterTagNameFunc(func(f reflect.StructField) string {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		return name
	})
	rules := map[string]validator.Func{
		"env_name":  func(f validator.FieldLevel) bool { return GoodEnvName(f.Field().String()) },
		"env_value": func(f validator.FieldLevel) bool { return goodEnvValue(f.Field().String()) },
	}
	for name, rule := range rules {
		if err := v.RegisterValidation(name, rule); err != nil {
			panic(err) // only a malformed rule name can fail, and these are constants
		}
	}
	return v
})

// GoodEnvName reports whether a job may set the variable: a portable name
// (POSIX.1-2017, section 8.1) that steers neither the dynamic linker nor the
// shell's search nor our own variables.
func GoodEnvName(name string) bool {
	if name == "" || len(name) > MaxEnvName || name == "PATH" ||
		strings.HasPrefix(name, "LD_") || strings.HasPrefix(name, "HORUS_") {
		return false
	}
	for i, c := range []byte(name) {
		letter := c == '_' || c|0x20 >= 'a' && c|0x20 <= 'z'
		if !letter && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return true
}

// goodEnvValue reports whether a process can have the value. The tag max counts
// characters; what has a limit is bytes.
func goodEnvValue(value string) bool {
	return len(value) <= MaxEnvBytes && !strings.Contains(value, "\x00")
}

// invalidField says which member broke which rule. A bad signature is no bad
// parameter: whoever sends it is not who he says.
func invalidField(err error) error {
	fields, ok := err.(validator.ValidationErrors) //nolint:errorlint // the validator returns it bare
	if !ok || len(fields) == 0 {
		return fmt.Errorf("validate job: %w", err)
	}
	f := fields[0]
	_, path, _ := strings.Cut(f.Namespace(), ".")
	pointer := "/" + strings.NewReplacer(".", "/", "[", "/", "]", "").Replace(path)
	code, reason := domain.Invalid, "bounds"
	switch {
	case strings.HasPrefix(path, "env_vars"):
		reason, pointer = "env", "/env_vars"
	case strings.HasPrefix(path, "signatures"):
		code, reason = domain.Unauthenticated, "signature"
	case f.Tag() == "max" && path == "payload":
		reason = "size"
	}
	rule := f.Tag()
	if f.Param() != "" {
		rule += "=" + f.Param()
	}
	return &domain.Error{
		Code: code, Reason: reason, Pointer: pointer,
		Message: fmt.Sprintf("%s breaks the rule %s", pointer, rule),
	}
}
