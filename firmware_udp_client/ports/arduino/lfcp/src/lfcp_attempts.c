#include "../../../../source/lfcp_attempts.c"
