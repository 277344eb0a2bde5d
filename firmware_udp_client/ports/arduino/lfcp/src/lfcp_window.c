#include "../../../../source/lfcp_window.c"
