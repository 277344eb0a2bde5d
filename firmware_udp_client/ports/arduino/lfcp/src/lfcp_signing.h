#include "../../../../include/lfcp_signing.h"
