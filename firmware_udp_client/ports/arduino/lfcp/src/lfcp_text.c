#include "../../../../source/lfcp_text.c"
