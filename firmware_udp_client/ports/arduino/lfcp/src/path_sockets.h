#include "../../../../ports/common/path_sockets.h"
