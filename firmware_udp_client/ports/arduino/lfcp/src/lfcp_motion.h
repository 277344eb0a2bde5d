#include "../../../../include/lfcp_motion.h"
