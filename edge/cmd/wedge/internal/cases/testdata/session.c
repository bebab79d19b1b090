#include "wedge.h"

// Visits in a store for a minute, in a counter, in the key; /now answers with the time.
WEDGE_ON_REQUEST {
	int64_t visits, recent;
	if (wedge_equal(wedge_path(), wedge_s("/now"))) {
		WEDGE_TRY(wedge_respond(200, wedge_decimal(wedge_now())));
		return WEDGE_ANSWERED;
	}
	WEDGE_TRY(wedge_kv_add("sessions", wedge_s("visits"), 1, 60000, &visits));
	WEDGE_TRY(wedge_counter_add(wedge_s("recent"), 60000, 1, &recent));
	WEDGE_TRY(wedge_key_add("visit", visits == 1 ? wedge_s("first") : wedge_s("again")));
	return WEDGE_GO_ON;
}
