#include "../../../../source/lfcp_client_heartbeat.c"
