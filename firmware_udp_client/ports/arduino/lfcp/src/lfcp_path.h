#include "../../../../include/lfcp_path.h"
