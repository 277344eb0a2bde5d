#include "../../../../include/lfcp_status.h"
