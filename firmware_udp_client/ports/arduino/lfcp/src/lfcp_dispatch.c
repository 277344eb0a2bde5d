#include "../../../../source/lfcp_dispatch.c"
