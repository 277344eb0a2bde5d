#include "../../../../source/lfcp_consent.c"
