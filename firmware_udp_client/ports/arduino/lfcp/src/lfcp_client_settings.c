#include "../../../../source/lfcp_client_settings.c"
