#include "../../../../source/lfcp_targets.c"
