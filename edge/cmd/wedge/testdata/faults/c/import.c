#include "wedge.h"

__attribute__((import_module("elsewhere"), import_name("f"))) int f(void);

WEDGE_ON_REQUEST {
	return f();
}
