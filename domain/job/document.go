package job

import (
	"github.com/herocode/horus/domain/event"
	"github.com/herocode/horus/domain/strictjson"
)

// parseDocument reads a client's job strictly.
func parseDocument(data []byte) (Document, error) {
	var d Document
	if err := strictjson.Decode(data, &d); err != nil {
		return d, err
	}
	if d.plain() {
		return d, nil
	}
	if err := documentValidator().Struct(&d); err != nil {
		return d, invalidField(err)
	}
	return d, nil
}

// ScanJSON implements [strictjson.Scanner]. It knows what most jobs are made of:
// every job is read at least twice, by a supervisor and a runner.
func (d *Document) ScanJSON(c *strictjson.Cursor) {
	for c.Object(); c.Member(); {
		switch string(c.Name()) {
		case "id":
			d.ID = c.Text()
		case "caller_id":
			d.CallerID = c.Text()
		case "context_id":
			d.ContextID = c.Text()
		case "payload":
			d.Payload = c.Text()
		case "executor":
			d.Executor = c.Text()
		case "runner":
			d.Runner = c.Text()
		case "timeout":
			d.Timeout = new(c.Int())
		case "max_attempts":
			d.MaxAttempts = new(c.Int())
		case "env_vars":
			d.EnvVars = scanEnv(c)
		case "audience":
			d.Audience = c.Text()
		case "created_at":
			d.CreatedAt = c.Text()
		case "updated_at":
			d.UpdatedAt = c.Text()
		case "not_after":
			d.NotAfter = scanTime(c)
		case "nonce":
			d.Nonce = c.Text()
		default:
			c.Lose()
		}
	}
}

func scanEnv(c *strictjson.Cursor) map[string]string {
	env := map[string]string{}
	for c.Object(); c.Member(); {
		name := string(c.Name())
		env[name] = c.Text()
	}
	return env
}

func scanTime(c *strictjson.Cursor) (t event.Time) {
	if t.UnmarshalText([]byte(c.Text())) != nil {
		c.Lose()
	}
	return t
}

// plain reports whether it is clear at a glance that a document breaks no rule
// of its tags: those of its texts are so short, and its numbers so small, that
// none can be broken, and it has no other members. The validator, which finds
// the rules by reflection, costs several times what reading the document does.
func (d *Document) plain() bool {
	return d.Payload != "" && len(d.Payload) <= MaxPayloadBytes && (d.Executor != "" || d.Runner != "") &&
		len(d.ID) <= 128 && len(d.CallerID) <= 256 && len(d.ContextID) <= 256 && len(d.Audience) <= 64 &&
		len(d.CreatedAt) <= 64 && len(d.UpdatedAt) <= 64 && len(d.Nonce) <= 64 &&
		within(d.Timeout, 1, 86400) && within(d.MaxAttempts, 1, MaxMaxAttempts) && plainEnv(d.EnvVars) &&
		d.Delay == nil && d.Backoff == nil && len(d.RetryOn) == 0 && len(d.Signatures) == 0
}

// within reports whether a number is absent or not out of bounds.
func within(n *int64, low, high int64) bool { return n == nil || low <= *n && *n <= high }

func plainEnv(env map[string]string) bool {
	if len(env) > MaxEnvVars {
		return false
	}
	for name, value := range env {
		if !GoodEnvName(name) || !goodEnvValue(value) {
			return false
		}
	}
	return true
}
