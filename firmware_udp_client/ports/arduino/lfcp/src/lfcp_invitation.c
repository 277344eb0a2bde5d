#include "../../../../source/lfcp_invitation.c"
