package engine

// Doors for the tests.
var (
	LimitSelf   = func() error { return Confine(childSeconds, childMemory) }
	CompileInto = compileInto

	Marked        = marked
	CodeKey       = codeKey
	ProcessorWord = processorWord
)

// KinFrom is how large a module is that may have kin.
const KinFrom = kinFrom

// Loaded counts the modules in memory.
func Loaded(e *Engine) int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.loaded)
}

// DiskSize is what an engine believes that its cache takes, but for what is prepared.
func DiskSize(e *Engine) int64 { return e.disk.size }
