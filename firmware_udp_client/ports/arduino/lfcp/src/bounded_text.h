#include "../../../common/bounded_text.h"
