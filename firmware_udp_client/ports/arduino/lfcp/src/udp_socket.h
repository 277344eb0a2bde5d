#include "../../../common/udp_socket.h"
