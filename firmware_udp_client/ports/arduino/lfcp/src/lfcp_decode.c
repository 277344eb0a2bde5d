#include "../../../../source/lfcp_decode.c"
