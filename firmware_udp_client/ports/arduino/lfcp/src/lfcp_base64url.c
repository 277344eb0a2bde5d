#include "../../../../source/lfcp_base64url.c"
