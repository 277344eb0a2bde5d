#include "../../../common/picture_line.h"
