#include "../../../../source/lfcp_commands.c"
