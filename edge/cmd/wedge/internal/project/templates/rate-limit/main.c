#include "wedge.h"

WEDGE_ON_REQUEST {
	int64_t most = 100, n;
	wedge_str setting = wedge_config("limit");
	if (wedge_is(setting) && !wedge_parse(setting, &most))
		return WEDGE_FAIL(wedge_s("config limit: a number, please"));
	wedge_str who = wedge_client(WEDGE_FACT_NETWORK);
	WEDGE_TRY(wedge_counter_add(WEDGE_JOIN(wedge_s("requests of "), who), 60000, 1, &n));
	if (n <= most)
		return WEDGE_GO_ON;
	WEDGE_LOG(WEDGE_LEVEL_INFO, wedge_s("too many requests"), {wedge_s("count"), wedge_decimal(n)});
	WEDGE_TRY(wedge_respond(429, wedge_s("too many requests, try again in a minute\n")));
	WEDGE_TRY(wedge_field_set(WEDGE_MESSAGE_RESPONSE, "Retry-After", wedge_s("60")));
	return WEDGE_ANSWERED;
}
