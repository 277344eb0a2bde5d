#include "../../../../include/lfcp_meeting.h"
