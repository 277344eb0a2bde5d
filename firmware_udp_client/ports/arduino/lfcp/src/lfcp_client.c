#include "../../../../source/lfcp_client.c"
