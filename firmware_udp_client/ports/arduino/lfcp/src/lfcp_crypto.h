#include "../../../../include/lfcp_crypto.h"
