#include "../../../../include/lfcp_upload.h"
