#include "../../../../include/lfcp_tunnel.h"
