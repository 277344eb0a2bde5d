#include "../../../common/udp_servers.c"
