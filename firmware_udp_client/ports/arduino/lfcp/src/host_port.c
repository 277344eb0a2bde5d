#include "../../../common/host_port.c"
