/* Motion in a sequence of grayscale frames, in integer arithmetic: a frame is cut into blocks, and the mean of each is
 * compared with what it has been lately. No allocation; the state is the caller's. */
#ifndef LFCP_MOTION_H
#define LFCP_MOTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lfcp_status.h"

#define LFCP_MOTION_BLOCKS 192 /* 16 by 12, for example: 20 by 20 pixels each at 320 by 240 */

typedef struct lfcp_motion_config {
    uint16_t width;  /* pixels, at least one a block */
    uint16_t height;
    uint8_t columns; /* blocks; columns times rows is 1 to LFCP_MOTION_BLOCKS. Pixels that are left over are not seen */
    uint8_t rows;
    uint8_t threshold; /* levels of 255 by which a block's mean has to differ; from 1 */
    uint8_t blocks;    /* how many have to; from 1 */
    uint8_t frames;    /* in how many frames in a row; from 1 */
    const uint8_t *mask; /* a bit a block, row by row, the least significant first; 1: not watched. NULL: all are */
} lfcp_motion_config;

/* A reasonable start for a camera that looks at a room: threshold 18, 4 blocks of 16 by 12, 2 frames in a row. */
lfcp_status lfcp_motion_defaults(lfcp_motion_config *config, uint16_t width, uint16_t height);

typedef struct lfcp_motion {
    lfcp_motion_config config;
    uint16_t background[LFCP_MOTION_BLOCKS]; /* mean levels of each block, in 16ths */
    uint8_t changed;                         /* blocks that differed in the last frame */
    uint8_t in_a_row;                        /* frames in which enough of them did */
    bool has_background;
} lfcp_motion;

/* LFCP_INVALID for numbers out of range. The mask must live as long as the detector. Call it again after the camera was
 * off, or its settings changed. */
lfcp_status lfcp_motion_start(lfcp_motion *motion, const lfcp_motion_config *config);

/* The next frame, `stride` bytes a row (at least width). *moved: something moves. A change of light that is the same for
 * the whole picture, by a shift or by a gain, is none. The first frame is only learnt. */
lfcp_status lfcp_motion_frame(lfcp_motion *motion, const uint8_t *pixels, size_t stride, bool *moved);

#endif
