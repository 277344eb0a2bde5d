#include "../../../../source/lfcp_upload.c"
