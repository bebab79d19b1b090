#include "wedge.h"

WEDGE_ON_RESPONSE {
	wedge_str banner = wedge_config("banner"), mark = wedge_s("</body>");
	if (!wedge_is(banner) || !wedge_has_prefix(wedge_field(WEDGE_MESSAGE_RESPONSE, "Content-Type"), wedge_s("text/html")))
		return WEDGE_GO_ON;
	WEDGE_TRY(wedge_stream_begin());
	char buffer[4096];
	size_t held = 0; /* what may be the beginning of a mark waits for what follows */
	for (bool done = false;;) {
		int n = wedge_stream_read(buffer + held, sizeof buffer - held);
		WEDGE_TRY(n);
		if (n == 0)
			return wedge_stream_write(wedge_bytes(buffer, held));
		wedge_str ready = wedge_bytes(buffer, held + (size_t)n);
		ptrdiff_t at = done ? -1 : wedge_find(ready, mark);
		if (at >= 0) {
			done = true;
			WEDGE_TRY(wedge_stream_write(wedge_upto(ready, (size_t)at)));
			WEDGE_TRY(wedge_stream_write(banner));
			WEDGE_TRY(wedge_stream_write(wedge_from(ready, (size_t)at)));
			held = 0;
			continue;
		}
		held = done ? 0 : ready.len < mark.len - 1 ? ready.len : mark.len - 1;
		WEDGE_TRY(wedge_stream_write(wedge_upto(ready, ready.len - held)));
		memmove(buffer, buffer + ready.len - held, held);
	}
}
