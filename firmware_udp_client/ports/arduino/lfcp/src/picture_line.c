#include "../../../common/picture_line.c"
