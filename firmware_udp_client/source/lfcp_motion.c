/* Motion: blocks whose mean level differs from what it has been lately, in more than the light of the whole picture. */
#include <string.h>

#include "lfcp_motion.h"

#define FRACTION 16    /* levels are kept in 16ths */
#define LEARNING 8     /* a block's background follows by this part of the difference a frame */
#define GAIN_ONE 256   /* gains are kept in 256ths */
#define MOST_GAIN 1023 /* a picture that gets four times as bright is a lamp, not a gain */
#define WHITE (255 * FRACTION)
#define NO_SHIFT WHITE /* shifts are moved up by this, so that none is negative */

static unsigned blocks_of(const lfcp_motion_config *config)
{
    return (unsigned)config->columns * config->rows;
}

static bool masked(const lfcp_motion_config *config, unsigned block)
{
    return config->mask != NULL && (config->mask[block / 8] >> block % 8 & 1) != 0;
}

lfcp_status lfcp_motion_defaults(lfcp_motion_config *config, uint16_t width, uint16_t height)
{
    *config = (lfcp_motion_config){width, height, 16, 12, 18, 4, 2, NULL};
    return width >= config->columns && height >= config->rows ? LFCP_OK : LFCP_INVALID;
}

lfcp_status lfcp_motion_start(lfcp_motion *motion, const lfcp_motion_config *config)
{
    if (blocks_of(config) < 1 || blocks_of(config) > LFCP_MOTION_BLOCKS || config->width < config->columns ||
        config->height < config->rows || config->threshold < 1 || config->blocks < 1 || config->frames < 1) {
        return LFCP_INVALID;
    }
    memset(motion, 0, sizeof *motion);
    motion->config = *config;
    return LFCP_OK;
}

/* The mean of a block in 16ths of a level. A block of a whole picture of 65535 by 65535 would overflow 32 bits. */
static uint16_t mean_of(const lfcp_motion_config *config, const uint8_t *pixels, size_t stride, unsigned block)
{
    unsigned width = config->width / config->columns;
    unsigned height = config->height / config->rows;
    const uint8_t *row = pixels + block / config->columns * height * stride + block % config->columns * width;
    uint64_t sum = 0;
    for (unsigned y = 0; y < height; y++, row += stride) {
        for (unsigned x = 0; x < width; x++) {
            sum += row[x];
        }
    }
    return (uint16_t)(sum * FRACTION / ((uint64_t)width * height));
}

/* The number that half of them do not exceed, by bisection: no second table in a small memory. */
typedef unsigned measure(unsigned now, unsigned before);

static unsigned count_up_to(const lfcp_motion *motion, const uint16_t *means, measure *of, unsigned limit)
{
    unsigned count = 0;
    for (unsigned block = 0; block < blocks_of(&motion->config); block++) {
        if (!masked(&motion->config, block) && of(means[block], motion->background[block]) <= limit) {
            count++;
        }
    }
    return count;
}

static unsigned median(const lfcp_motion *motion, const uint16_t *means, measure *of, unsigned most)
{
    unsigned half = (count_up_to(motion, means, of, most) + 1) / 2;
    unsigned low = 0;
    while (low < most) {
        unsigned middle = (low + most) / 2;
        if (count_up_to(motion, means, of, middle) >= half) {
            most = middle;
        } else {
            low = middle + 1;
        }
    }
    return low;
}

static unsigned shift(unsigned now, unsigned before)
{
    return now + NO_SHIFT - before;
}

static unsigned gain(unsigned now, unsigned before)
{
    unsigned found = (now * GAIN_ONE + before / 2) / (before > 0 ? before : 1);
    return found < MOST_GAIN ? found : MOST_GAIN;
}

static unsigned difference(unsigned one, unsigned other)
{
    return one > other ? one - other : other - one;
}

/* Whether neither the usual shift of this frame nor its usual gain explains the block. No block gets brighter than
 * white, or darker than black. */
static bool differs(const lfcp_motion *motion, unsigned block, unsigned now, unsigned usual_shift, unsigned usual_gain)
{
    unsigned before = motion->background[block];
    unsigned threshold = motion->config.threshold * (unsigned)FRACTION;
    unsigned shifted = before + usual_shift > NO_SHIFT ? before + usual_shift - NO_SHIFT : 0;
    unsigned amplified = before * usual_gain / GAIN_ONE;
    return difference(now, shifted < WHITE ? shifted : WHITE) >= threshold &&
           difference(now, amplified < WHITE ? amplified : WHITE) >= threshold;
}

static uint8_t count_changed(const lfcp_motion *motion, const uint16_t *means)
{
    unsigned usual_shift = median(motion, means, shift, NO_SHIFT + WHITE);
    unsigned usual_gain = median(motion, means, gain, MOST_GAIN);
    uint8_t changed = 0;
    for (unsigned block = 0; block < blocks_of(&motion->config); block++) {
        if (!masked(&motion->config, block) && differs(motion, block, means[block], usual_shift, usual_gain)) {
            changed++;
        }
    }
    return changed;
}

/* The background follows slowly, so that daybreak is none and what stays becomes a part of it. */
static void learn(lfcp_motion *motion, const uint16_t *means)
{
    for (unsigned block = 0; block < blocks_of(&motion->config); block++) {
        int step = (means[block] - motion->background[block]) / LEARNING;
        motion->background[block] = (uint16_t)(motion->background[block] + step);
    }
}

lfcp_status lfcp_motion_frame(lfcp_motion *motion, const uint8_t *pixels, size_t stride, bool *moved)
{
    uint16_t means[LFCP_MOTION_BLOCKS];
    *moved = false;
    if (stride < motion->config.width) {
        return LFCP_INVALID;
    }
    for (unsigned block = 0; block < blocks_of(&motion->config); block++) {
        means[block] = mean_of(&motion->config, pixels, stride, block);
    }
    if (!motion->has_background) {
        memcpy(motion->background, means, blocks_of(&motion->config) * sizeof *means);
        motion->has_background = true;
        return LFCP_OK;
    }
    motion->changed = count_changed(motion, means);
    learn(motion, means);
    if (motion->changed < motion->config.blocks) {
        motion->in_a_row = 0;
    } else if (motion->in_a_row < motion->config.frames) {
        motion->in_a_row++;
    }
    *moved = motion->in_a_row >= motion->config.frames;
    return LFCP_OK;
}
