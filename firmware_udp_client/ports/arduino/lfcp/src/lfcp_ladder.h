#include "../../../../include/lfcp_ladder.h"
