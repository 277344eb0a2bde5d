#include "../../../../source/lfcp_client_messages.c"
