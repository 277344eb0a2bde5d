#include "../../../common/udp_socket.c"
