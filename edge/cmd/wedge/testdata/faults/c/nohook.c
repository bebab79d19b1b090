#include "wedge.h"
