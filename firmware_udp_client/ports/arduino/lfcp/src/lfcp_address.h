#include "../../../../include/lfcp_address.h"
