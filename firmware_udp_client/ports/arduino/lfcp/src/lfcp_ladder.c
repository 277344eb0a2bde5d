#include "../../../../source/lfcp_ladder.c"
