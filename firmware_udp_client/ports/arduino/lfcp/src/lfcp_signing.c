#include "../../../../source/lfcp_signing.c"
