#include "wedge.h"

static volatile int spun;

static int deep(int n) {
	if (n == 0)
		__builtin_trap();
	return deep(n - 1) + spun;
}

static int feature(void) {
	wedge_entry e;
	WEDGE_TRY(wedge_kv_get("settings", wedge_s("feature"), &e));
	if (e.value.len == 0 || e.value.data[e.value.len - 1] != '}')
		return WEDGE_FAIL(wedge_s("settings/feature is no JSON: it does not end with }"));
	return WEDGE_GO_ON;
}

WEDGE_ON_REQUEST {
	wedge_str path = wedge_path();
	if (wedge_equal(path, wedge_s("/trap")))
		return deep(2);
	if (wedge_equal(path, wedge_s("/loop")))
		for (;;)
			spun++;
	if (wedge_equal(path, wedge_s("/json")))
		return feature();
	return WEDGE_GO_ON;
}
