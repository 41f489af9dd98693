package rpcapi

// Scope says what the holder of an API key may do.
type Scope string

// The scopes.
const (
	Admin     Scope = "admin"     // everything
	User      Scope = "user"      // jobs, and looking
	Registrar Scope = "registrar" // register runners, and nothing else
)

// right says who may call a method.
type right uint8

const (
	admins     right = 1 << iota // every method grants this
	users                        // scope user
	registrars                   // scope registrar
	anonymous                    // without a secret, where anonymous_reads is on
	everybody                    // without a secret
)

// rights is the one table of methods and who may call them. A method that is
// not in it is refused, and [New] refuses a method table that has such.
func rights() map[string]right {
	return map[string]right{
		"jobs.submit":      admins | users,
		"jobs.query":       admins | users,
		"job.get":          admins | users,
		"job.explain":      admins | users,
		"job.wait":         admins | users,
		"job.logs":         admins | users,
		"job.history":      admins | users,
		"job.stop":         admins | users,
		"job.delete":       admins | users,
		"dead.list":        admins | users,
		"dead.get":         admins | users,
		"dead.replay":      admins | users,
		"dead.drop":        admins | users,
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
		"system.info":      admins | users,
		"audit.head":       admins | users,
		"events.read":      admins, // payloads and results of all jobs are in it
		"rpc.discover":     admins | users | everybody,

		"jobs.create":  admins | users,
		"job.start":    admins | users,
		"job.run":      admins | users,
		"jobs.list":    admins | users,
		"job.status":   admins | users | anonymous,
		"job.result":   admins | users | anonymous,
		"create_job":   admins | users,
		"delete_job":   admins | users,
		"get_job":      admins | users,
		"list_jobs":    admins | users,
		"get_job_logs": admins | users,

		"get_job_result":        admins | users | anonymous,
		"queue_job_to_runner":   admins | users,
		"register_runner":       admins | registrars,
		"list_runners":          admins | users | anonymous,
		"get_runner_status":     admins | users | anonymous,
		"get_all_runner_status": admins | users | anonymous,
		"get_all_status":        admins | users | anonymous,
		"get_runner_logs":       admins | users,
		"get_supervisor_info":   admins,
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
