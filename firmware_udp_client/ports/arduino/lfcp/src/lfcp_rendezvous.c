#include "../../../../source/lfcp_rendezvous.c"
