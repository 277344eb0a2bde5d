#include "../../../common/picture_uploads.h"
