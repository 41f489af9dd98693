package bench

import (
	"os"
	"runtime"
	"runtime/debug"
	"strings"
)

// Machine is where it was measured.
type Machine struct {
	CPU        string `json:"cpu"` // model, as far as the system tells
	Cores      int    `json:"cores"`
	GOMAXPROCS int    `json:"gomaxprocs"`
	Go         string `json:"go"`
	System     string `json:"system"` // GOOS/GOARCH
}

// Redis is what it was measured on.
type Redis struct {
	Version string `json:"version"`
	Own     bool   `json:"own"` // started for the run alone
	AOF     bool   `json:"aof"`
	Fsync   string `json:"appendfsync,omitempty"` // empty without an AOF, or where CONFIG is forbidden
}

func thisMachine() Machine {
	return Machine{
		CPU: cpuModel(), Cores: runtime.NumCPU(), GOMAXPROCS: runtime.GOMAXPROCS(0),
		Go: runtime.Version(), System: runtime.GOOS + "/" + runtime.GOARCH,
	}
}

// cpuModel is what Linux says of the first processor; empty elsewhere.
func cpuModel() string {
	text, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(line, ":")
		if strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// version is what the build knows of the program's sources; empty if nothing.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	return info.Main.Version
}
