#include "../../../../source/lfcp_tunnel.c"
