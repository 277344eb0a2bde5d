#include "../../../../source/lfcp_client_fields.c"
