#include "../../../../source/lfcp_hello.c"
