#include "../../../../source/lfcp_command_memory.c"
