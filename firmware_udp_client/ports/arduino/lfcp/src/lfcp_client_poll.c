#include "../../../../source/lfcp_client_poll.c"
