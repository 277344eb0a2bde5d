/* The small grey picture that the motion detector looks at, made of the RGB blocks that a JPEG decoder hands out. */
#ifndef LOGIC_LUMA_H
#define LOGIC_LUMA_H

#include <stdbool.h>
#include <stdint.h>

typedef struct luma {
    uint8_t *pixels; /* width * height */
    uint16_t width;
    uint16_t height;
} luma;

/* One block of w by h pixels at (x, y), three bytes each. A block beyond the picture is cut, not written. */
void luma_block(luma *picture, uint16_t x, uint16_t y, uint16_t w, uint16_t h, const uint8_t *rgb);

#endif
