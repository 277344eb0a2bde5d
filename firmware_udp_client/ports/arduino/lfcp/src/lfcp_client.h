#include "../../../../include/lfcp_client.h"
