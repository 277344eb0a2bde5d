#include "../../../../source/lfcp_status.c"
