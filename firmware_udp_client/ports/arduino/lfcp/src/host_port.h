#include "../../../common/host_port.h"
