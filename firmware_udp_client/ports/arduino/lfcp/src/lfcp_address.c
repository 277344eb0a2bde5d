#include "../../../../source/lfcp_address.c"
