#include "../../../../ports/common/path_sockets.c"
