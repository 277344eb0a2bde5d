#include "../../../../source/lfcp_path.c"
