#include "../../../common/bounded_text.c"
