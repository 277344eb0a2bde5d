#include "../../../../source/lfcp_event_queue.c"
