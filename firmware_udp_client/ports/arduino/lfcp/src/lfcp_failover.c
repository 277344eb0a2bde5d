#include "../../../../source/lfcp_failover.c"
