#include "../../../common/tcp_connect.h"
