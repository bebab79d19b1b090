#include "wedge.h"

WEDGE_ON_REQUEST {
	return wedge_nothing_of_that_name;
}
