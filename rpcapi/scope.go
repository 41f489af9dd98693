package rpcapi

import "github.com/herocode/horus/domain/access"

// Scope says what the holder of an API key may do.
type Scope = access.Scope

// The scopes.
const (
	Admin     = access.Admin
	User      = access.User
	Registrar = access.Registrar
)

// right says who may call a method.
type right uint8

const (
	admins     right = 1 << iota // every method grants this
	users                        // scope user
	registrars                   // scope registrar
	bound                        // also with a key that is bound to runners or kinds: it touches nothing but their jobs, see [fence]
	anonymous                    // without a secret, where anonymous_reads is on
	everybody                    // without a secret
)

// rights is the one table of methods and who may call them. A method that is
// not in it is refused, and [New] refuses a method table that has such.
func rights() map[string]right { //nolint:funlen // a table is data
	return map[string]right{
		"jobs.submit":      admins | users | bound,
		"jobs.submit_many": admins | users | bound,
		"jobs.query":       admins | users | bound,
		"job.get":          admins | users | bound,
		"job.explain":      admins | users | bound,
		"job.wait":         admins | users | bound,
		"job.logs":         admins | users | bound,
		"job.history":      admins | users | bound,
		"job.stop":         admins | users | bound,
		"job.delete":       admins | users | bound,
		"dead.list":        admins | users | bound,
		"dead.get":         admins | users | bound,
		"dead.replay":      admins | users | bound,
		"dead.drop":        admins | users | bound,
		"queues.list":      admins | users,
		"queue.pause":      admins,
		"queue.drain":      admins,
		"queue.resume":     admins,
		"runners.register": admins | registrars,
		"runners.list":     admins | users,
		"runner.pause":     admins,
		"runner.drain":     admins,
		"runner.resume":    admins,
		"runner.remove":    admins,
		"runner.status":    admins | users,
		"poison.list":      admins,
		"poison.replay":    admins,
		"poison.drop":      admins,
		"keys.add":         admins,
		"keys.list":        admins,
		"keys.rotate":      admins,
		"keys.revoke":      admins,
		"secrets.add":      admins,
		"secrets.list":     admins,
		"secrets.remove":   admins,
		"system.info":      admins | users,
		"audit.head":       admins | users,
		"events.read":      admins, // payloads and results of all jobs are in it
		"rpc.discover":     admins | users | everybody,

		"jobs.create":  admins | users | bound,
		"job.start":    admins | users | bound,
		"job.run":      admins | users | bound,
		"jobs.list":    admins | users | bound,
		"job.status":   admins | users | bound | anonymous,
		"job.result":   admins | users | bound | anonymous,
		"create_job":   admins | users | bound,
		"delete_job":   admins | users | bound,
		"get_job":      admins | users | bound,
		"list_jobs":    admins | users | bound,
		"get_job_logs": admins | users | bound,

		"get_job_result":        admins | users | bound | anonymous,
		"queue_job_to_runner":   admins | users | bound,
		"register_runner":       admins | registrars,
		"list_runners":          admins | users | anonymous,
		"get_runner_status":     admins | users | anonymous,
		"get_all_runner_status": admins | users | anonymous,
		"get_all_status":        admins | users | anonymous,
		"get_runner_logs":       admins | users,
		"get_supervisor_info":   admins,
		"auth.verify":           admins | users | registrars | everybody, // of the key that it is given
		"auth.create_key":       admins,
		"auth.key.create":       admins,
		"key.list":              admins,
		"key.remove":            admins,
		"add_secret":            admins,
		"remove_secret":         admins,
		"add_runner":            admins,
		"remove_runner":         admins,
		"start_runner":          admins,
		"stop_runner":           admins,
		"start_all":             admins,
		"stop_all":              admins,
	}
}

// grants reports whether a scope has the right.
func (r right) grants(s Scope) bool {
	switch s {
	case Admin:
		return r&admins != 0
	case User:
		return r&users != 0
	case Registrar:
		return r&registrars != 0
	}
	return false
}
