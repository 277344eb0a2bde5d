#include "../../../../source/lfcp_counters.c"
