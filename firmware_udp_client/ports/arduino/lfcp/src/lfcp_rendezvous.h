#include "../../../../include/lfcp_rendezvous.h"
