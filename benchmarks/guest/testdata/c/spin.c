// Never ends, on each request.
#include "wedge.h"

EXPORT(on_request) int on_request(void) {
	for (;;) __asm__ volatile("");
}
