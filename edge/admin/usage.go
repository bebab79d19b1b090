package admin

// FunctionUsage is what a function has spent since it was loaded. One that is bound with different settings is loaded once for
// each of them.
type FunctionUsage struct {
	Version       string      `json:"version" doc:"SHA-256 of the version."`
	Hooks         []HookUsage `json:"hooks"`
	Memory        int64       `json:"memory" doc:"The largest memory that an exchange has left, in bytes."`
	MemoryLimit   int64       `json:"memory_limit"`
	Stack         int64       `json:"stack" doc:"The largest call stack that the engine made for a call, in bytes: it begins with 10 KiB, and doubles."`
	Taken         int64       `json:"taken" doc:"What its instances take of the node's memory, in bytes."`
	Instances     int         `json:"instances" doc:"Instances that are alive."`
	Idle          int         `json:"idle" doc:"Instances that wait for an exchange."`
	Queued        int         `json:"queued" doc:"Exchanges that wait for an instance."`
	Made          Counted     `json:"made" doc:"Instances that were made."`
	Waits         Counted     `json:"waits" doc:"Exchanges that had to wait for an instance."`
	Resets        []Counted   `json:"resets" doc:"Instances that were put back to their snapshot, by way."`
	Gone          []Counted   `json:"gone" doc:"Instances that were closed, by reason."`
	Denied        int64       `json:"denied" doc:"Calls into the host that its permissions refused."`
	CompileMicros float64     `json:"compile_us" doc:"What compiling took, or loading what was compiled before."`
	StretchMicros float64     `json:"stretch_us" doc:"The longest time that it ran without coming back to the node, by the clock of its thread."`
	StretchFuel   int64       `json:"stretch_fuel" doc:"The most fuel that it used without coming back to the node. Where this is small and the time is long, the machine has taken the time."`
}

// HookUsage is what a hook of a function has spent.
type HookUsage struct {
	Hook           string  `json:"hook"`
	Calls          int64   `json:"calls"`
	Failed         int64   `json:"failed"`
	FuelLast       int64   `json:"fuel_last" doc:"Of the last call."`
	FuelMean       int64   `json:"fuel_mean"`
	FuelMax        int64   `json:"fuel_max"`
	CPUMeanMicros  float64 `json:"cpu_mean_us"`
	CPUMaxMicros   float64 `json:"cpu_max_us"`
	WallMeanMicros float64 `json:"mean_us" doc:"By the clock, waiting included."`
	WaitMeanMicros float64 `json:"wait_mean_us" doc:"Of that, in host functions that may wait."`
}

// Counted is something that is counted, and what takes time with it.
type Counted struct {
	Name       string  `json:"name,omitempty"`
	Count      int64   `json:"count"`
	MeanMicros float64 `json:"mean_us,omitempty"`
	MaxMicros  float64 `json:"max_us,omitempty"`
}
