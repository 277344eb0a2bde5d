#include "../../../common/udp_servers.h"
