#include "../../../../source/lfcp_motion.c"
