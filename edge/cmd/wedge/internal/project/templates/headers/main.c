#include "wedge.h"

/* Makes a response fit for being stored and shared. */
WEDGE_ON_FETCHED {
	static const char *const private[] = {"Set-Cookie", "Server", "X-Powered-By"};
	for (int i = 0; i < 3; i++)
		WEDGE_TRY(wedge_field_remove(WEDGE_MESSAGE_RESPONSE, private[i]));
	return WEDGE_GO_ON;
}

static int unless_there(const char *name, wedge_str value) {
	if (value.len == 0 || wedge_field_count(WEDGE_MESSAGE_RESPONSE, name))
		return 0;
	return wedge_field_set(WEDGE_MESSAGE_RESPONSE, name, value);
}

/* Sets what the origin has not set. */
WEDGE_ON_RESPONSE {
	WEDGE_TRY(unless_there("X-Content-Type-Options", wedge_s("nosniff")));
	WEDGE_TRY(unless_there("X-Frame-Options", wedge_s("SAMEORIGIN")));
	WEDGE_TRY(unless_there("Referrer-Policy", wedge_s("strict-origin-when-cross-origin")));
	WEDGE_TRY(unless_there("Content-Security-Policy", wedge_config("content_security_policy")));
	return WEDGE_GO_ON;
}
