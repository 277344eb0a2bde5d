#include "../../../../source/lfcp_settings.c"
