#include "../../../../source/lfcp_meeting.c"
