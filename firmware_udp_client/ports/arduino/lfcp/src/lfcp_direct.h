#include "../../../../include/lfcp_direct.h"
