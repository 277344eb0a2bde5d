#include "../../../../source/lfcp_seal.c"
