#include "../../../common/picture_uploads.c"
