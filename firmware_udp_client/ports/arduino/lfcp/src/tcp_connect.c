#include "../../../common/tcp_connect.c"
