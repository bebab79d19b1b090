#include "wedge.h"

WEDGE_ON_REQUEST {
	wedge_str cohort = wedge_cookie("ab");
	if (!wedge_equal(cohort, wedge_s("a")) && !wedge_equal(cohort, wedge_s("b"))) {
		/* A new client, or one that made something up. */
		int64_t weight;
		if (!wedge_parse(wedge_config("weight"), &weight))
			weight = 50;
		cohort = wedge_s((int64_t)(wedge_dice() % 100) < weight ? "b" : "a");
		WEDGE_TRY(wedge_var_set("new-cohort", cohort));
	}
	WEDGE_TRY(wedge_key_add("ab", cohort));
	/* The cookie has done its work. Left in the request, it would make the response one that belongs to a user. */
	WEDGE_TRY(wedge_field_remove(WEDGE_MESSAGE_REQUEST, "Cookie"));
	WEDGE_TRY(wedge_field_set(WEDGE_MESSAGE_REQUEST, "X-Cohort", cohort));
	return WEDGE_GO_ON;
}

WEDGE_ON_RESPONSE {
	/* Caches between the node and the client must keep cohorts apart, and what gives one client its cohort from all others. */
	WEDGE_TRY(wedge_field_add(WEDGE_MESSAGE_RESPONSE, "Vary", wedge_s("Cookie")));
	wedge_str cohort = wedge_var("new-cohort");
	if (!wedge_is(cohort))
		return WEDGE_GO_ON;
	WEDGE_TRY(wedge_field_add(WEDGE_MESSAGE_RESPONSE, "Cache-Control", wedge_s("private")));
	return wedge_field_add(WEDGE_MESSAGE_RESPONSE, "Set-Cookie", WEDGE_JOIN(wedge_s("ab="), cohort, wedge_s("; Path=/; Max-Age=2592000; HttpOnly; SameSite=Lax")));
}
