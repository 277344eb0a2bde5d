#include "../../../../include/lfcp_constants.h"
