#include "../../../../source/lfcp_direct.c"
