#include "wedge.h"

#define MOST 64 /* parameters; a query with more of them is left as it is */

static wedge_str name(wedge_str parameter) {
	wedge_str before = parameter;
	wedge_cut(&parameter, '=', &before);
	return before;
}

static bool tracks(wedge_str name) {
	return wedge_has_prefix(name, wedge_s("utm_")) || wedge_equal(name, wedge_s("gclid")) || wedge_equal(name, wedge_s("fbclid"));
}

static bool after(wedge_str a, wedge_str b) {
	int c = memcmp(a.data, b.data, a.len < b.len ? a.len : b.len);
	return c > 0 || (c == 0 && a.len > b.len);
}

static int query(void) {
	wedge_str rest = wedge_query(), p, kept[2 * MOST];
	int n = 0;
	if (rest.len == 0)
		return 0;
	while (wedge_cut(&rest, '&', &p)) {
		if (p.len == 0 || tracks(name(p)))
			continue;
		if (n == MOST)
			return 0;
		/* By insertion, which is stable: the order of several values of one name may mean something. */
		int i = n++;
		for (; i > 0 && after(name(kept[i - 1]), name(p)); i--)
			kept[i] = kept[i - 1];
		kept[i] = p;
	}
	/* With a separator before each but the first. */
	for (int i = n - 1; i > 0; i--) {
		kept[2 * i] = kept[i];
		kept[2 * i - 1] = wedge_s("&");
	}
	return wedge_part_set(WEDGE_PART_QUERY, wedge_join(kept, n ? 2 * (size_t)n - 1 : 0));
}

WEDGE_ON_REQUEST {
	WEDGE_TRY(query());
	wedge_str class = wedge_s(wedge_find(wedge_field(WEDGE_MESSAGE_REQUEST, "User-Agent"), wedge_s("Mobi")) >= 0 ? "mobile" : "desktop");
	WEDGE_TRY(wedge_key_add("device", class));
	WEDGE_TRY(wedge_field_set(WEDGE_MESSAGE_REQUEST, "X-Device-Class", class));
	return WEDGE_GO_ON;
}
