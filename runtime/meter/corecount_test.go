package meter

// What TestCore counts: commands by kind, modules, and how often each world called its host. Numbers change with the
// engine's version, and those of ticks with the cost table.
var (
	coreSlice = map[string]int{
		"action":                190,
		"assert_exception":      18,
		"assert_exhaustion":     4,
		"assert_invalid":        1771,
		"assert_malformed":      245,
		"assert_return":         8497,
		"assert_trap":           2343,
		"assert_uninstantiable": 53,
		"assert_unlinkable":     132,
		"commands of a refused module: atomic instruction xfe x":              7,
		"commands of a refused module: exception instruction xf":              2,
		"commands of a refused module: exception tag":                         10,
		"commands of a refused module: memory that is shared between threads": 267,
		"commands of a refused module: type  holds an exception":              58,
		"module":                                  682,
		"modules refused":                         19,
		"modules rewritten":                       855,
		"register":                                40,
		"scripts":                                 92,
		"text, left out":                          233,
		"ticks, metered, compiled, slice 100000":  13389,
		"ticks, metered, compiled, slice 64":      3575532,
		"ticks, metered, interpreted, slice 1000": 250135,
		"traps": 2365,
	}
	coreWhole = map[string]int{ // the commands of all suites
		"action": 266, "assert_exception": 18, "assert_exhaustion": 30, "assert_invalid": 3593, "assert_malformed": 2961,
		"assert_return": 62490, "assert_trap": 2991, "assert_uninstantiable": 55, "assert_unlinkable": 227, "module": 2574,
		"register": 51, "scripts": 253, "text, left out": 1577,
	}
)
