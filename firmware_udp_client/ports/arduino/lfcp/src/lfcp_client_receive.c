#include "../../../../source/lfcp_client_receive.c"
