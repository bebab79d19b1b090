package engine

// Doors for the tests.
var (
	LimitSelf   = limitSelf
	CompileInto = compileInto
)

// Loaded counts the modules in memory.
func Loaded(e *Engine) int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.loaded)
}
