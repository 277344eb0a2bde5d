#include "luma.h"

/* Rec. 601 weights in 256ths. */
static uint8_t grey(const uint8_t *rgb)
{
    return (uint8_t)((rgb[0] * 77U + rgb[1] * 150U + rgb[2] * 29U) >> 8);
}

void luma_block(luma *picture, uint16_t x, uint16_t y, uint16_t w, uint16_t h, const uint8_t *rgb)
{
    for (uint32_t row = 0; row < h && y + row < picture->height; row++) {
        for (uint32_t column = 0; column < w && x + column < picture->width; column++) {
            picture->pixels[(y + row) * picture->width + x + column] = grey(rgb + (row * w + column) * 3);
        }
    }
}
