#include "../../../../source/lfcp_client_acks.c"
