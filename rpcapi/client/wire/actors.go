package wire

// Actor is a runner whose process a supervisor is to manage, as the original's
// configuration and calls describe it.
type Actor struct {
	ID             string `json:"id" toml:"id" validate:"required,max=64,pattern" pattern:"^[a-z0-9][a-z0-9._-]*$" doc:"Id of the runner."`
	Name           string `json:"name,omitempty" toml:"name" validate:"max=128" doc:"For people."`
	BinaryPath     string `json:"binary_path" toml:"binary_path" validate:"required,max=4096" doc:"Program to start."`
	DBPath         string `json:"db_path,omitempty" toml:"db_path" validate:"max=4096" doc:"Where the program keeps its data."`
	RedisURL       string `json:"redis_url,omitempty" toml:"redis_url" validate:"max=1024" doc:"Redis that the program is to use; the supervisor's if absent."`
	ProcessManager string `json:"process_manager,omitempty" toml:"process_manager" validate:"max=128,pattern" pattern:"^(|simple|tmux:[A-Za-z0-9._-]+)$" doc:"simple, or tmux:<session>."`
}
