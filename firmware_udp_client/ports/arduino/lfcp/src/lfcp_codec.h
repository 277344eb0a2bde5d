#include "../../../../include/lfcp_codec.h"
