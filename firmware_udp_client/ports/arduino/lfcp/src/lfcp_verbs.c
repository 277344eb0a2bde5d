#include "../../../../source/lfcp_verbs.c"
