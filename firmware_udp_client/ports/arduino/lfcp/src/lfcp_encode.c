#include "../../../../source/lfcp_encode.c"
